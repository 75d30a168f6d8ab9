// The layer epilogue of piecewise linear activations, and its derivatives.
//
//     v = x f + z m + b,   y = clamp(gain * leaky(v)),   out = y s
//
// f and s are per map, b and m per channel (or m one number), z per pixel; whatever is null is
// left out. The derivatives know v from x, as the forward pass did, and decide slope and clamp
// alike. Without f and s they may be given y in the place of x, whose sign tells the slope.
#include "maps.cuh"

template <class A> struct Layer {
    const A *factors, *noise, *strength, *bias;
    long long noise_step;     // of the map from one sample to the next; 0 for one map for all
    int strength_step;        // 0 for one strength, 1 for one a channel
    A alpha, gain, clamp;
    bool clamps, from_y;

    __device__ A noise_at(const Place& place) const
    {
        return noise[place.sample * noise_step + place.pixel];
    }
    __device__ A strength_at(const Place& place) const
    {
        return strength ? strength[place.channel * strength_step] : (A)1;
    }
    // gain * leaky(v), not clamped yet; y itself where that is known.
    __device__ A activated(A x, const Place& place, bool& positive) const
    {
        positive = x > 0;
        if (from_y)
            return x;
        A v = factors ? x * factors[place.map] : x;
        if (noise)
            v += noise_at(place) * strength_at(place);
        if (bias)
            v += bias[place.channel];
        positive = v > 0;
        if (!positive && v == v)  // NaN stays NaN
            v = alpha == 0 ? (A)0 : v * alpha;
        return v * gain;
    }
    __device__ A clamped(A y) const
    {
        return !clamps ? y : y > clamp ? clamp : y < -clamp ? -clamp : y;
    }
    // dy / dv, given the unclamped y; at the clamp itself the gradient passes. A known y at the
    // clamp has been clamped.
    __device__ A slope(A y, bool positive) const
    {
        if (clamps && (from_y ? y >= clamp || y <= -clamp : y > clamp || y < -clamp))
            return 0;
        return positive ? gain : gain * alpha;
    }
};

// out = y s
template <class A> struct EpilogueForward {
    Layer<A> layer;
    const A* styles;

    __device__ A at(const A* values, const Place& place, A*) const
    {
        bool positive;
        const A y = layer.clamped(layer.activated(values[0], place, positive));
        return styles ? y * styles[place.map] : y;
    }
};

// out = s y'(v) (dx f + x df + z dm + db) + y ds: how the result moves along a direction. It is
// also what the gradient's own gradient hands to the gradient of the result.
template <class A> struct EpilogueTangent {
    Layer<A> layer;
    const A *styles, *d_factors, *d_strength, *d_bias, *d_styles;

    __device__ A at(const A* values, const Place& place, A*) const
    {
        bool positive;
        const A y = layer.activated(values[0], place, positive);
        A dv = layer.factors ? values[1] * layer.factors[place.map] : values[1];
        if (d_factors)
            dv += values[0] * d_factors[place.map];
        if (d_strength)
            dv += layer.noise_at(place) * d_strength[place.channel * layer.strength_step];
        if (d_bias)
            dv += d_bias[place.channel];
        dv *= layer.slope(y, positive);
        if (styles)
            dv *= styles[place.map];
        return d_styles ? dv + layer.clamped(y) * d_styles[place.map] : dv;
    }
};

// With e = g y'(v): out = e w, and the sums of e, e x, e z, g y and e h over every map.
template <class A> struct EpilogueGradient {
    Layer<A> layer;
    const A* weights;

    __device__ A at(const A* values, const Place& place, A* sums) const
    {
        bool positive;
        const A x = values[0], g = values[1];
        const A y = layer.activated(x, place, positive);
        const A e = g * layer.slope(y, positive);
        sums[0] += e;
        sums[1] += e * x;
        if (layer.noise)
            sums[2] += e * layer.noise_at(place);
        sums[3] += g * layer.clamped(y);
        sums[4] += e * values[2];
        return weights ? e * weights[place.map] : e;
    }
};

template <class T>
__device__ inline Layer<Acc<T>> layer_of(const Acc<T>* factors, const Acc<T>* noise,
                                         const Acc<T>* strength, const Acc<T>* bias,
                                         long long noise_step, int strength_step, double alpha,
                                         double gain, double clamp, int from_y)
{
    typedef Acc<T> A;
    // y was stored as T, so it meets the clamp as T can hold it: 0.7 is 0.69921875 in bfloat16.
    const A limit = from_y ? rounded<T>((A)clamp) : (A)clamp;
    const Layer<A> layer = {factors,  noise,   strength, bias,       noise_step, strength_step,
                            (A)alpha, (A)gain, limit,    clamp >= 0, from_y != 0};
    return layer;
}

template <class T, int LAST>
__device__ inline void epilogue_forward(
    const T* x, T* out, const Acc<T>* factors, const Acc<T>* noise, const Acc<T>* strength,
    const Acc<T>* bias, const Acc<T>* styles, long long noise_step, int strength_step, double alpha,
    double gain, double clamp, int from_y, long long samples, long long channels,
    long long pixels, long long span, int packed)
{
    typedef Acc<T> A;
    const EpilogueForward<A> body = {
        layer_of<T>(factors, noise, strength, bias, noise_step, strength_step, alpha, gain, clamp,
                    from_y),
        styles};
    const Maps maps = {samples, channels, pixels, span, packed, 0};
    const T* in[1] = {x};
    over_maps<T, LAST, 1, 0>(body, maps, in, out, (A*)0);
}

template <class T, int LAST>
__device__ inline void epilogue_tangent(
    const T* x, const T* dx, T* out, const Acc<T>* factors, const Acc<T>* noise,
    const Acc<T>* strength, const Acc<T>* bias, const Acc<T>* styles, const Acc<T>* d_factors,
    const Acc<T>* d_strength, const Acc<T>* d_bias, const Acc<T>* d_styles, long long noise_step,
    int strength_step, double alpha, double gain, double clamp, int from_y, long long samples,
    long long channels, long long pixels, long long span, int packed)
{
    typedef Acc<T> A;
    const EpilogueTangent<A> body = {
        layer_of<T>(factors, noise, strength, bias, noise_step, strength_step, alpha, gain, clamp,
                    from_y),
        styles, d_factors, d_strength, d_bias, d_styles};
    const Maps maps = {samples, channels, pixels, span, packed, 0};
    const T* in[2] = {x, dx};
    over_maps<T, LAST, 2, 0>(body, maps, in, out, (A*)0);
}

template <class T, int LAST>
__device__ inline void epilogue_gradient(
    const T* x, const T* g, const T* h, T* out, Acc<T>* partial, const Acc<T>* factors,
    const Acc<T>* noise, const Acc<T>* strength, const Acc<T>* bias, const Acc<T>* weights,
    long long noise_step, int strength_step, double alpha, double gain, double clamp, int from_y,
    int unwanted, long long samples, long long channels, long long pixels, long long span,
    int packed)
{
    typedef Acc<T> A;
    const EpilogueGradient<A> body = {
        layer_of<T>(factors, noise, strength, bias, noise_step, strength_step, alpha, gain, clamp,
                    from_y),
        weights};
    const Maps maps = {samples, channels, pixels, span, packed, unwanted};
    const T* in[3] = {x, g, h};
    over_maps<T, LAST, 3, 5>(body, maps, in, out, partial);
}
