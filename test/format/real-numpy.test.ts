import { testContainer } from './real-libraries';

testContainer('numpy');
