"""What the matrices around NumPy run in each cell: linear algebra, FFT, random numbers, files."""

import io

import numpy as np

a = np.array([[3.0, 1.0], [1.0, 2.0]])
b = np.array([9.0, 8.0])
assert np.allclose(np.linalg.solve(a, b), [2.0, 3.0])

random = np.random.default_rng(0)
signal = random.standard_normal(1024)
assert np.allclose(np.fft.irfft(np.fft.rfft(signal)), signal)

square = random.standard_normal((64, 64))
u, s, vh = np.linalg.svd(square)
assert np.allclose(u * s @ vh, square)

buffer = io.BytesIO()
np.save(buffer, square)
buffer.seek(0)
assert (np.load(buffer) == square).all()
print("numpy", np.__version__, "ok")
