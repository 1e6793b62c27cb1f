declare module '*/programs.mjs' {
  /** Path of a program, installed with these packages if need be. */
  export function ensureProgram(program: string, ...packages: string[]): string;
}
