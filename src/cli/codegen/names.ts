/**
 * The names of classes and properties. A name depends on its own declaration and nothing beside it, so a file may grow without
 * renaming what is there; no two declarations get one name. The README of `src/envelope` has the rules.
 */

/** Type keywords and what a class of a module cannot be called, in TypeScript or CommonJS. */
const NO_CLASS =
  /^(?:any|as|async|bigint|boolean|declare|exports|get|global(?:This)?|infer|intrinsic|is|keyof|module|namespace|never|number|object|of|readonly|require|set|string|symbol|then|type|undefined|unique|unknown|using|Object|Promise|__dirname|__filename)$/;

const KEYWORD =
  /^(?:await|break|case|catch|class|const|continue|debugger|default|delete|do|else|enum|export|extends|false|finally|for|function|if|implements|import|in|instanceof|interface|let|new|null|package|private|protected|public|return|static|super|switch|this|throw|true|try|typeof|var|void|while|with|yield|eval|arguments)$/;

/** What a generated module says itself: what it imports, the globals it uses, and what is called so inside its functions. */
const USED =
  /^(?:wire|Buffer|Readonly|Record|Uint8Array|content[0-9]+|depth|end|entry|error|event|fieldEnd|i|init|key|known|length|limit|map|message|next|p|position|source|start|tag|target|v[0-9]+|value|unknown|_(?:event|target|limit|depth))$/;

/**
 * The name of the class of a message, or of the object of an enum.
 *
 * Those of nested types are joined by `_`. A `$` is added where that could be another type, too: once where a part has an
 * underscore of its own (then the underscores that join follow, by number), and once where the name ends in `Init`, is
 * reserved, or is used by generated code.
 *
 * @param parts  the names of the types around it and its own
 */
export function typeName(parts: readonly string[]): string {
  const plain = parts.join('_');
  let name = plain;
  if (parts.some((part) => part.includes('_'))) {
    let underscores = -1;
    const joints = parts.slice(0, -1).map((part) => {
      underscores += part.split('_').length;
      return underscores + 1;
    });
    name += `$${joints.join('_')}`;
  }
  const taken = plain.endsWith('Init') || NO_CLASS.test(plain) || KEYWORD.test(plain) || USED.test(plain);
  return taken ? `${name}$` : name;
}

/** What a type is called in a module that has another of its name: no other name starts with a `$`. */
export function importedName(fullName: string): string {
  return `$${fullName.replaceAll('.', '$')}`;
}

/** lowerCamelCase as protobuf's JSON mapping has it. */
export function jsonName(name: string): string {
  return name.replace(/_+(.?)/g, (_, letter: string) => letter.toUpperCase());
}

/** The name of a property: as in JSON, with a `$` where every object has it already or where it is no identifier. */
export function propertyName(name: string): string {
  const camel = jsonName(name);
  if (camel === '' || /^[0-9]/.test(camel)) return `$${camel}`;
  return camel in Object.prototype || camel === 'toJSON' ? `${camel}$` : camel;
}

/** A string literal of TypeScript. Private characters are escaped: in lines of code they are marks. */
export function quoted(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${inner.replace(/[\u2028\u2029\ue000-\uf8ff]/g, (one) => `\\u${one.charCodeAt(0).toString(16)}`)}'`;
}

/** A key of an object literal: `__proto__` as such would be its prototype. */
export function literalKey(name: string): string {
  return name === '__proto__' ? "['__proto__']" : name;
}
