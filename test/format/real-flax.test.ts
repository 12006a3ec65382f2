import { testContainer } from './real-libraries';

testContainer('flax');
