import { testContainer } from './real-libraries';

testContainer('onnx');
