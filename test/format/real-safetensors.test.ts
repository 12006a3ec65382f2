import { testContainer } from './real-libraries';

testContainer('safetensors');
