// Feature maps scaled by their styles, and the gradient with its sums per map.
#include "maps.cuh"

// out = x s + d t: the maps themselves, or how they move along a direction (x of x, t of s).
template <class A> struct Scaled {
    const A *s, *t;

    __device__ A at(const A* values, const Place& place, A*) const
    {
        A sum = 0;
        if (s)
            sum = values[0] * s[place.map];
        if (t)
            sum += values[1] * t[place.map];
        return sum;
    }
};

// out = g s, and the sum of g x over every map.
template <class A> struct ScaledGradient {
    const A* s;

    __device__ A at(const A* values, const Place& place, A* sums) const
    {
        sums[0] += values[0] * values[1];
        return s ? values[0] * s[place.map] : (A)0;
    }
};

template <class T, int LAST>
__device__ inline void modulate_forward(const T* x, const T* d, T* out, const Acc<T>* s,
                                        const Acc<T>* t, long long samples, long long channels,
                                        long long pixels, long long span, int packed)
{
    const Scaled<Acc<T>> body = {s, t};
    const Maps maps = {samples, channels, pixels, span, packed, 0};
    const T* in[2] = {x, d};
    over_maps<T, LAST, 2, 0>(body, maps, in, out, (Acc<T>*)0);
}

template <class T, int LAST>
__device__ inline void modulate_gradient(const T* g, const T* x, T* out, Acc<T>* partial,
                                         const Acc<T>* s, long long samples, long long channels,
                                         long long pixels, long long span, int packed)
{
    const ScaledGradient<Acc<T>> body = {s};
    const Maps maps = {samples, channels, pixels, span, packed, 0};
    const T* in[2] = {g, x};
    over_maps<T, LAST, 2, 1>(body, maps, in, out, partial);
}
