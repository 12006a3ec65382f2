// Stands for every module with which a process reaches out of itself.
function refuse(): never {
  throw new Error('A parser reached for a program, thread or connection.');
}

const nothing = new Proxy({}, { get: (_, name) => (name === '__esModule' ? undefined : refuse) });
export default nothing;
export const spawn = refuse;
export const exec = refuse;
export const fork = refuse;
export const connect = refuse;
export const createServer = refuse;
export const request = refuse;
export const Worker = refuse;
export const parentPort = null;
export const workerData = null;
