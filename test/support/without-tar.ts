/** Imported first (`node --import`), makes the package tar one that is not installed. */
import { register } from 'node:module';

const hooks = `export async function resolve(specifier, context, next) {
  if (specifier !== 'tar') return next(specifier, context);
  throw Object.assign(new Error('Cannot find package tar'), { code: 'ERR_MODULE_NOT_FOUND' });
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
