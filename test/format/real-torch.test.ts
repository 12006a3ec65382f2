import { testContainer } from './real-libraries';

testContainer('torch');
