/**
 * Names of OpenTelemetry's semantic conventions for messaging. They have the status Development, and were renamed several
 * times: these are those of version 1.37. A change of version is a change of this file.
 */
export const CONVENTIONS_VERSION = '1.37.0';

export const SYSTEM = 'messaging.system';
export const SYSTEM_NAME = 'ringcast';
export const OPERATION_NAME = 'messaging.operation.name';
export const OPERATION_TYPE = 'messaging.operation.type';
export const DESTINATION = 'messaging.destination.name';
export const SUBSCRIPTION = 'messaging.destination.subscription.name';
export const BATCH_COUNT = 'messaging.batch.message_count';
export const ERROR_TYPE = 'error.type';
