# An AMI with enid: packer init . && packer build -var source_ami=ami-… -var enid_url=https://… .
packer {
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = "~> 1.3"
    }
  }
}

variable "source_ami" {
  type        = string
  description = "Debian 12 or 13, or Amazon Linux 2023."
}

variable "enid_url" {
  type        = string
  description = "Where the release directory is served."
}

variable "enid_version" {
  type        = string
  default     = ""
  description = "Such as 0.2.0-1; empty: the newest."
}

variable "enid_key_sha256" {
  type        = string
  default     = ""
  description = "SHA-256 of the repository's key; empty: HTTPS alone says whose it is."
}

variable "ssh_username" {
  type    = string
  default = "admin"
}

source "amazon-ebs" "enid" {
  ami_name      = "enid-{{timestamp}}"
  instance_type = "t3.small"
  source_ami    = var.source_ami
  ssh_username  = var.ssh_username
  imds_support  = "v2.0"
  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
  }
}

build {
  sources = ["source.amazon-ebs.enid"]

  # The builder keeps its network as it is; what it baked is for the instances that are made of the image.
  provisioner "shell" {
    script = "${path.root}/../install.sh"
    environment_vars = [
      "ENID_URL=${var.enid_url}",
      "ENID_VERSION=${var.enid_version}",
      "ENID_KEY_SHA256=${var.enid_key_sha256}",
    ]
    execute_command = "chmod +x {{ .Path }}; sudo env {{ .Vars }} {{ .Path }} image"
  }

  # Of this machine alone (docs/install.md, "Boot").
  provisioner "shell" {
    inline = ["sudo rm -rf /var/lib/enid/network"]
  }
}
