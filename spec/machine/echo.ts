/** A service for containers and pods: TCP and UDP, both families, one process, perl alone. */

import type { MachineHost } from './host.ts';

/** Echoes on port 80 to many clients; with `/usr` and its links it runs in any container. */
const server = `use strict; use IO::Socket::IP; use IO::Select;
my %common = (LocalHost => '::', LocalPort => 80, V6Only => 0, Family => AF_INET6);
my $tcp = IO::Socket::IP->new(%common, Listen => 256, ReuseAddr => 1, Proto => 'tcp') or die "tcp: $!";
my $udp = IO::Socket::IP->new(%common, Proto => 'udp', Type => SOCK_DGRAM) or die "udp: $!";
my $ready = IO::Select->new($tcp, $udp);
while (my @sockets = $ready->can_read) {
  for my $socket (@sockets) {
    if ($socket == $tcp) { my $client = $tcp->accept; $ready->add($client) if $client }
    elsif ($socket == $udp) { my $peer = recv($udp, my $text, 2048, 0); send($udp, $text, 0, $peer) if defined $peer }
    elsif (sysread($socket, my $text, 2048)) { syswrite($socket, $text) }
    else { $ready->remove($socket); close($socket) }
  }
}
`;

/** Where it is, on the host and in the containers. */
export const echoPath = '/usr/local/lib/echo.pl';
/** Arguments of `docker run` and `podman run` after the network's. */
export const echoContainer = `--volume /usr:/usr:ro page /usr/bin/perl ${echoPath}`;

/** Puts the service on the host, and an image that runs it out of the host's /usr beside it. */
export async function writeEcho({ machine }: MachineHost): Promise<void> {
  await machine.writeFile(echoPath, server);
  await machine.check(
    `mkdir -p /root/image/usr /root/image/bin /root/image/tmp && cd /root/image && cp /bin/busybox bin/
     ln -s usr/lib lib; ln -s usr/lib64 lib64; tar -cf /root/image.tar .`,
  );
}
