// Numbers and texts that must not be mixed up get a type of their own. A brand exists only for the
// compiler; the value stays a plain number, bigint or string.

declare const brand: unique symbol;

export type Brand<Value, Name extends string> = Value & { readonly [brand]: Name };

/** `a.b.c.d:port` or `[v6]:port` in canonical spelling: two equal addresses are equal strings. */
export type SocketAddress = Brand<string, 'SocketAddress'>;
