/* Stands for any shared object: a cuDNN, a cuBLAS, a library of torch. */
int answer(void) { return 42; }
