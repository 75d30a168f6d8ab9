// Adaptive instance normalization: moments of every map, the result, and its gradient.
#include "maps.cuh"

// The sums of x - k and (x - k)^2 over a chunk of a map, k being its first pixel, so that little
// cancels when the host function makes mean and variance of them; k is kept behind the sums.
template <class T> struct Moments {
    const T* x;
    long long channels, pixels;
    int last;

    __device__ Acc<T> at(const Acc<T>* values, const Place&, Acc<T>* sums) const
    {
        const Acc<T> d = values[0] - sums[2];
        sums[0] += d;
        sums[1] += d * d;
        return 0;
    }
};

template <class T>
__device__ inline void before_chunk(const Moments<T>& body, const Place& place, Acc<T>* k)
{
    const long long row = place.sample * body.pixels + place.pixel;
    *k = up(body.last ? body.x[row * body.channels + place.channel]
                      : body.x[place.map * body.pixels + place.pixel]);
}

// out = (x - mean) factor + offset
template <class A> struct Normalized {
    const A *mean, *factor, *offset;

    __device__ A at(const A* values, const Place& place, A*) const
    {
        return (values[0] - mean[place.map]) * factor[place.map] + offset[place.map];
    }
};

// The sums of g and g (x - mean) rstd over every map: the gradients of offset and scale.
template <class A> struct NormalizedSums {
    const A *mean, *rstd;

    __device__ A at(const A* values, const Place& place, A* sums) const
    {
        sums[0] += values[0];
        sums[1] += values[0] * ((values[1] - mean[place.map]) * rstd[place.map]);
        return 0;
    }
};

// out = (g - a - (x - mean) b) factor
template <class A> struct NormalizedGradient {
    const A *mean, *factor, *a, *b;

    __device__ A at(const A* values, const Place& place, A*) const
    {
        return (values[0] - a[place.map] - (values[1] - mean[place.map]) * b[place.map]) *
               factor[place.map];
    }
};

template <class T, int LAST>
__device__ inline void adain_moments(const T* x, Acc<T>* partial, long long samples,
                                     long long channels, long long pixels, long long span,
                                     int packed)
{
    const Moments<T> body = {x, channels, pixels, LAST};
    const Maps maps = {samples, channels, pixels, span, packed, 0};
    const T* in[1] = {x};
    over_maps<T, LAST, 1, 2>(body, maps, in, (T*)0, partial);
}

template <class T, int LAST>
__device__ inline void adain_forward(const T* x, T* out, const Acc<T>* mean, const Acc<T>* factor,
                                     const Acc<T>* offset, long long samples, long long channels,
                                     long long pixels, long long span, int packed)
{
    const Normalized<Acc<T>> body = {mean, factor, offset};
    const Maps maps = {samples, channels, pixels, span, packed, 0};
    const T* in[1] = {x};
    over_maps<T, LAST, 1, 0>(body, maps, in, out, (Acc<T>*)0);
}

template <class T, int LAST>
__device__ inline void adain_sums(const T* g, const T* x, Acc<T>* partial, const Acc<T>* mean,
                                  const Acc<T>* rstd, long long samples, long long channels,
                                  long long pixels, long long span, int packed)
{
    const NormalizedSums<Acc<T>> body = {mean, rstd};
    const Maps maps = {samples, channels, pixels, span, packed, 0};
    const T* in[2] = {g, x};
    over_maps<T, LAST, 2, 2>(body, maps, in, (T*)0, partial);
}

template <class T, int LAST>
__device__ inline void adain_gradient(const T* g, const T* x, T* out, const Acc<T>* mean,
                                      const Acc<T>* factor, const Acc<T>* a, const Acc<T>* b,
                                      long long samples, long long channels, long long pixels,
                                      long long span, int packed)
{
    const NormalizedGradient<Acc<T>> body = {mean, factor, a, b};
    const Maps maps = {samples, channels, pixels, span, packed, 0};
    const T* in[2] = {g, x};
    over_maps<T, LAST, 2, 0>(body, maps, in, out, (Acc<T>*)0);
}
