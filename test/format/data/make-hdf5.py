# Wrote the files beside it, with h5py 3.16 and numpy 2: python make-hdf5.py
import h5py, numpy as np
import os
out=os.path.dirname(os.path.abspath(__file__))+'/'
def fill(f):
    a=np.arange(12*10,dtype='<f4').reshape(12,10)/4
    f.create_dataset('plain',data=a)
    f.create_dataset('packed',data=a,chunks=(5,4),compression='gzip',shuffle=True,fletcher32=True)
    f.create_dataset('shuffled',data=a.astype('<f8'),chunks=(4,10),shuffle=True)
    f.create_dataset('big',data=a.astype('>f4'),chunks=(12,10))
    f.create_dataset('half',data=a.astype('<f2'))
    f.create_dataset('flags',data=(np.arange(6)%2==0))
    f.create_dataset('whole',data=np.arange(-3,3,dtype='>i2'))
    f.create_dataset('scalar',data=np.float32(2.5))
    d=f.create_dataset('partly',shape=(6,6),chunks=(2,3),dtype='<i4',fillvalue=7)
    d[0:2,0:3]=np.arange(6).reshape(2,3)
    f.create_dataset('never',shape=(3,),dtype='<f4')
    f.create_dataset('text',data=np.array([b'a',b'bc']))
    f.create_dataset('complex',data=np.array([1+2j],dtype='<c8'))
    g=f.create_group('deep/er'); g.create_dataset('w',data=np.arange(3,dtype='<i8'))
    g.attrs['note']='text of any length'
    f['soft']=h5py.SoftLink('/plain'); f['ext']=h5py.ExternalLink('/etc/passwd','x')
    f['again']=f['plain']
    f.create_dataset('one/kernel',data=a, chunks=(12,10),compression='gzip')
    for i in range(24): f.create_dataset(f'many/v{i:02d}',data=np.array([i],dtype='<f4'))
    bf=np.array([1.5,-2,0.25],dtype='<f4').view('<u4')>>16
    b=f.create_dataset('brain',data=bf.astype('<u2')); b.attrs['dtype']='bfloat16'
with h5py.File(out+'default.h5','w') as f: fill(f)
with h5py.File(out+'latest.h5','w',libver='latest',track_order=True) as f: fill(f)
a=np.arange(6,dtype='<f4').reshape(2,3)
with h5py.File(out+'layers.weights.h5','w') as f:
    w=f.create_group('model_weights'); w.attrs['layer_names']=[b'second',b'first']; w.attrs['backend']='tensorflow'
    for i,(l,s) in enumerate([('second','second'),('first','first_7')]):
        g=w.create_group(l); g.attrs['weight_names']=[f'{s}/kernel:0'.encode(),f'{s}/bias:0'.encode()]
        g.create_dataset(f'{s}/kernel:0',data=a+i); g.create_dataset(f'{s}/bias:0',data=a[0]+i)
    f.attrs['model_config']='{"class_name": "Sequential", "config": {}}'
