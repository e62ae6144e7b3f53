import { defineCommand } from './command.js';
export const command = defineCommand({ name: 'replay', help: '', options: {}, async run() {} });
