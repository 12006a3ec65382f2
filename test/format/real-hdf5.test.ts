import { testContainer } from './real-libraries';

// h5py's files: every layout and index of chunks, attributes and links in heaps.
testContainer('hdf5');
