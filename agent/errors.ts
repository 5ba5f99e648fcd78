/**
 * Errors of the program: each has a stable code, the object it is about, and a cause where there is
 * one.
 */

abstract class CodedError extends Error {
  readonly code: string;
  /** The thing it is about: a file and key, a metadata path, `rule from 10.0.1.5`, a bus name. */
  readonly subject: string;

  constructor(code: string, subject: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.subject = subject;
  }
}

/** The operator's configuration cannot be read or is refused. */
export class ConfigError extends CodedError {}

/** The metadata service did not give a complete answer: unknown, never empty. */
export class MetadataError extends CodedError {}

/** The kernel refused a request or an answer could not be decoded. */
export class KernelError extends CodedError {}

/** systemd-networkd or its bus did not answer. */
export class NetworkdError extends CodedError {}

/** The program cannot run here: another one does, or its runtime directory cannot be used. */
export class RuntimeError extends CodedError {}

/** A file of `enid report` cannot be read, or is none. */
export class ReportError extends CodedError {}
