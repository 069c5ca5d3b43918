// What a failed bind, connect or look-up means to the user: one sentence and what to do.

import { ParleyError } from '../../base/errors.ts';
import type { SocketAddress } from '../../base/ids.ts';

/** `EADDRINUSE` and the like, or the error's class when it has no code. */
export function errorCodeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return (error as NodeJS.ErrnoException).code ?? error.name;
}

export function bindFailure(
  error: unknown,
  protocol: 'UDP' | 'TCP',
  listen: SocketAddress,
): ParleyError {
  const code = errorCodeOf(error);
  if (code === 'EADDRINUSE') {
    return new ParleyError('E_ADDRESS_IN_USE', `Another process has ${protocol} ${listen}.`, {
      advice: 'Stop that process, or listen on another port.',
      cause: error,
    });
  }
  return new ParleyError(
    'E_ADDRESS_UNUSABLE',
    `Cannot listen on ${protocol} ${listen}: ${bindReason(code)}.`,
    { advice: bindAdvice(code), cause: error },
  );
}

function bindReason(code: string): string {
  switch (code) {
    case 'EADDRNOTAVAIL':
      return 'this machine does not have that address';
    case 'EACCES':
    case 'EPERM':
      return 'the system does not allow this process to use that port';
    case 'EAFNOSUPPORT':
      return 'this machine has no such address family';
    default:
      return `the system says ${code}`;
  }
}

function bindAdvice(code: string): string {
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return 'Choose a port of 1024 or above.';
    default:
      return 'Listen on 127.0.0.1, or on an address that the machine has (see `ip addr`).';
  }
}

export function connectFailure(code: string, to: SocketAddress): ParleyError {
  const reason =
    code === 'ECONNREFUSED'
      ? 'nobody listens there'
      : code === 'ETIMEDOUT'
        ? 'there was no answer in time'
        : `the system says ${code}`;
  return new ParleyError('E_UNREACHABLE', `Cannot connect to ${to}: ${reason}.`, {
    advice: 'Check that the member runs and that the address is right.',
  });
}

export function resolveFailure(error: unknown, hostname: string): ParleyError {
  const code = errorCodeOf(error);
  const reason = code === 'ENOTFOUND' ? 'the name is not known' : `the name service says ${code}`;
  return new ParleyError('E_UNRESOLVABLE', `Cannot find the address of ${hostname}: ${reason}.`, {
    advice: 'Check the spelling, or use an IP address.',
    subject: hostname,
    cause: error,
  });
}
