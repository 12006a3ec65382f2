import { testContainer } from './real-libraries';

testContainer('tensorflow');
