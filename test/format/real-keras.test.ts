import { testContainer } from './real-libraries';

testContainer('keras');
