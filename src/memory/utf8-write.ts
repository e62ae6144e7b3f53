/** Node's own UTF-8 writer: undocumented, in every release; `write` spends as long again on its arguments. */
type Utf8Write = (this: Buffer, text: string, offset: number, length: number) => number;

export const { utf8Write } = Buffer.prototype as unknown as { readonly utf8Write: Utf8Write };
