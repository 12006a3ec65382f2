export { findAdapterBase, type AdapterFiles, type FoundBase } from './adapter-base';
export { readAdapterConfig, scaleOf, type AdapterConfig, type ModuleScale } from './adapter-config';
export { describeAdapter, type AdapterDescription } from './describe-adapter';
export { shapeText } from './shape-text';
export { isSavedWhole, parsePeftTensorName, type PeftTensorName } from './peft-names';
