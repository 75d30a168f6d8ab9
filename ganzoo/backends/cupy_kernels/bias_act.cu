// Bias, activation, gain and clamp, and their first and second derivative.
//
// Tensors are dense; an element at offset i belongs to channel (i / step) % channels, whatever the
// layout. ORDER 0 makes y; ORDER 1 makes dx from dy and either y or x; ORDER 2 makes from ddx, dy
// and x what the slope's own derivative adds to the gradient of x.

enum { LINEAR, RELU, LRELU, TANH, SIGMOID, ELU, SELU, SOFTPLUS, SWISH };

template <class A> __device__ inline A sigmoid_of(A v) { return (A)1 / ((A)1 + exp_of(-v)); }

template <int ACT, class A> __device__ inline A activated(A v, A alpha)
{
    if (ACT == RELU)
        return v > 0 ? v : v == v ? (A)0 : v;  // NaN stays NaN
    if (ACT == LRELU)
        return v > 0 ? v : v * alpha;
    if (ACT == TANH)
        return tanh_of(v);
    if (ACT == SIGMOID)
        return sigmoid_of(v);
    if (ACT == ELU)
        return v > 0 ? v : expm1_of(v);
    if (ACT == SELU)
        return (A)1.0507009873554805 * (v > 0 ? v : (A)1.6732632423543772 * expm1_of(v));
    if (ACT == SOFTPLUS)
        return v > 20 ? v : log1p_of(exp_of(v));
    if (ACT == SWISH)
        return v * sigmoid_of(v);
    return v;
}

// The first derivative at v. The first three may be given y in place of v.
template <int ACT, class A> __device__ inline A slope(A v, A alpha)
{
    if (ACT == RELU)
        return v > 0 ? (A)1 : (A)0;
    if (ACT == LRELU)
        return v > 0 ? (A)1 : alpha;
    if (ACT == TANH) {
        const A t = tanh_of(v);
        return 1 - t * t;
    }
    if (ACT == SIGMOID) {
        const A s = sigmoid_of(v);
        return s * (1 - s);
    }
    if (ACT == ELU)
        return v > 0 ? (A)1 : exp_of(v);
    if (ACT == SELU)
        return (A)1.0507009873554805 * (v > 0 ? (A)1 : (A)1.6732632423543772 * exp_of(v));
    if (ACT == SOFTPLUS)
        return v > 20 ? (A)1 : sigmoid_of(v);
    if (ACT == SWISH) {
        const A s = sigmoid_of(v);
        return s * (1 + v * (1 - s));
    }
    return 1;
}

// The second derivative at v.
template <int ACT, class A> __device__ inline A bend(A v)
{
    if (ACT == TANH) {
        const A t = tanh_of(v);
        return -2 * t * (1 - t * t);
    }
    if (ACT == SIGMOID || ACT == SOFTPLUS || ACT == SWISH) {
        const A s = sigmoid_of(v), s1 = s * (1 - s);
        if (ACT == SOFTPLUS)
            return v > 20 ? (A)0 : s1;
        return s1 * (ACT == SIGMOID ? 1 - 2 * s : 2 + v * (1 - 2 * s));
    }
    if (ACT == ELU)
        return v > 0 ? (A)0 : exp_of(v);
    if (ACT == SELU)
        return v > 0 ? (A)0 : (A)(1.0507009873554805 * 1.6732632423543772) * exp_of(v);
    return 0;
}

template <class T, int ACT, int ORDER>
__device__ inline void bias_act(const T* x, const Acc<T>* b, const T* y, const T* dy, const T* ddx,
                                T* out, long long n, long long channels, long long step,
                                double alpha_, double gain_, double clamp_, int packed)
{
    typedef Acc<T> A;
    const int V = Pack<T>::size;
    const A alpha = (A)alpha_, gain = (A)gain_;
    // y was stored as T, so it meets the clamp as T can hold it: 0.7 is 0.69921875 in bfloat16.
    const bool clamps = clamp_ >= 0;
    const A clamp = rounded<T>((A)clamp_);
    const long long stride = (long long)gridDim.x * blockDim.x * V;
    for (long long i = ((long long)blockIdx.x * blockDim.x + threadIdx.x) * V; i < n; i += stride) {
        const int count = i + V <= n ? V : (int)(n - i);
        const bool whole = packed && count == V;
        Pack<T> xs, ys, dys, ddxs, outs;
        if (whole) {
            if (x)
                xs = load_pack(x + i);
            if (ORDER == 1 && y)
                ys = load_pack(y + i);
            if (ORDER >= 1)
                dys = load_pack(dy + i);
            if (ORDER == 2)
                ddxs = load_pack(ddx + i);
        } else {
#pragma unroll
            for (int k = 0; k < V; k++) {  // a constant number of times: packs stay in registers
                if (k >= count)
                    continue;
                if (x)
                    xs.v[k] = x[i + k];
                if (ORDER == 1 && y)
                    ys.v[k] = y[i + k];
                if (ORDER >= 1)
                    dys.v[k] = dy[i + k];
                if (ORDER == 2)
                    ddxs.v[k] = ddx[i + k];
            }
        }
        long long row = 0, channel = 0, within = 0;
        if (b) {
            row = quotient(i, step);
            within = i - row * step;
            channel = row - quotient(row, channels) * channels;
        }
#pragma unroll
        for (int k = 0; k < V; k++) {
            if (k >= count)
                continue;
            A v = 0, result;
            if (x)
                v = up(xs.v[k]);
            if (b) {
                v += b[channel];
                if (++within == step) {
                    within = 0;
                    if (++channel == channels)
                        channel = 0;
                }
            }
            if (ORDER == 0) {
                result = activated<ACT>(v, alpha) * gain;
                if (clamps)
                    result = result > clamp ? clamp : result < -clamp ? -clamp : result;
            } else {
                const A seen = y && ORDER == 1 ? up(ys.v[k])
                               : clamps        ? rounded<T>(activated<ACT>(v, alpha) * gain)
                                               : (A)0;
                result = up(dys.v[k]) * gain;
                if (ORDER == 1)
                    result *= slope<ACT>(y ? seen : v, alpha);
                else
                    result *= up(ddxs.v[k]) * bend<ACT>(v);
                if (clamps && (seen >= clamp || seen <= -clamp))
                    result = 0;
            }
            down(&outs.v[k], result);
        }
        if (whole) {
            store_pack(out + i, outs);
        } else {
#pragma unroll
            for (int k = 0; k < V; k++)
                if (k < count)
                    out[i + k] = outs.v[k];
        }
    }
}
