export interface Qmp {
  execute<T = unknown>(command: string, args?: Readonly<Record<string, unknown>>): Promise<T>;
}
