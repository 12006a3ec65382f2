export { findAdapterBase, type AdapterFiles, type FoundBase } from './adapter-base';
export { readAdapterConfig, scaleOf, type AdapterConfig, type ModuleScale } from './adapter-config';
export { describeAdapter, shapeText, type AdapterDescription, type AdapterModule } from './adapter-modules';
export { isSavedWhole, parsePeftTensorName, type PeftTensorName } from './peft-names';
