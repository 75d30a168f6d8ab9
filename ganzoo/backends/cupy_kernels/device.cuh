// What every kernel file starts from: element types, 16-byte packs, sums over a block.
//
// Kernels are written so that a C++ compiler can run them too, as the tests do: loops stride by
// blockDim, so that one thread a block is legal; every thread reaches every barrier; element
// types pass through up() and down() only; no lambdas, no warp intrinsics, no atomics; memory of
// a block is declared with BLOCK_SHARED.
#ifdef GANZOO_EMULATION
#include "emulation.h"
#else
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#define BLOCK_SHARED(type, name, size) __shared__ type name size
#define EXPECT_ALIGNED(address)
#endif

// The type sums are made in.
template <class T> struct AccOf { typedef float type; };
template <> struct AccOf<double> { typedef double type; };
template <class T> using Acc = typename AccOf<T>::type;

__device__ inline double up(double v) { return v; }
__device__ inline float up(float v) { return v; }
__device__ inline float up(__half v) { return __half2float(v); }
__device__ inline float up(__nv_bfloat16 v) { return __bfloat162float(v); }

__device__ inline void down(double* p, double v) { *p = v; }
__device__ inline void down(float* p, float v) { *p = v; }
__device__ inline void down(__half* p, float v) { *p = __float2half_rn(v); }
__device__ inline void down(__nv_bfloat16* p, float v) { *p = __float2bfloat16_rn(v); }

// v as T can hold it.
template <class T> __device__ inline Acc<T> rounded(Acc<T> v)
{
    T held;
    down(&held, v);
    return up(held);
}

// 16 bytes, moved in one access; the address must be a multiple of 16.
template <class T> struct __align__(16) Pack {
    static const int size = 16 / sizeof(T);
    T v[16 / sizeof(T)];
};

template <class T> __device__ inline Pack<T> load_pack(const T* p)
{
    EXPECT_ALIGNED(p);
    return *reinterpret_cast<const Pack<T>*>(p);
}

template <class T> __device__ inline void store_pack(T* p, const Pack<T>& pack)
{
    EXPECT_ALIGNED(p);
    *reinterpret_cast<Pack<T>*>(p) = pack;
}

// a / b for a >= 0 and b > 0; in 32 bits where they suffice, which is several times faster.
__device__ inline long long quotient(long long a, long long b)
{
    if (((a | b) >> 32) == 0)
        return (unsigned)a / (unsigned)b;
    return a / b;
}

__device__ inline double exp_of(double v) { return exp(v); }
__device__ inline float exp_of(float v) { return expf(v); }
__device__ inline double expm1_of(double v) { return expm1(v); }
__device__ inline float expm1_of(float v) { return expm1f(v); }
__device__ inline double log1p_of(double v) { return log1p(v); }
__device__ inline float log1p_of(float v) { return log1pf(v); }
__device__ inline double tanh_of(double v) { return tanh(v); }
__device__ inline float tanh_of(float v) { return tanhf(v); }
__device__ inline double sqrt_of(double v) { return sqrt(v); }
__device__ inline float sqrt_of(float v) { return sqrtf(v); }

// The sum of one value of every thread, known to all of them; the order of the additions depends
// on blockDim alone. `room` has a place for every thread and is free again afterwards.
template <class A> __device__ inline A block_sum(A value, A* room)
{
    const int t = threadIdx.x;
    room[t] = value;
    __syncthreads();
    for (int width = blockDim.x; width > 1;) {
        const int half = (width + 1) / 2;
        if (t < width - half)
            room[t] += room[t + half];
        __syncthreads();
        width = half;
    }
    const A total = room[0];
    __syncthreads();
    return total;
}
