// The thread that shares in large matrix products of a worker.
import { workerData } from 'node:worker_threads';
import { shareInProducts, type ProductThreadData } from './wasm/shared-products';

shareInProducts(workerData as ProductThreadData);
