// What the linear algebra in TypeScript may call.
export { useBuffers } from './memory';
export { addProduct } from './multiply';
export { addRoughProduct, addSinglesProduct } from './multiply-rough';
export { columnsToPanel, factorPanel, triangle } from './reflectors';
export { chaseRows } from './chase';
export { jacobiSweep } from './jacobi';
export { rotateRows, tridiagonalSteps } from './tridiagonal';
