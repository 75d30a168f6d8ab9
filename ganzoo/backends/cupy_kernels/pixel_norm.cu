// Pixel norm: every pixel's features scaled to unit second moment, and the gradient of that.
//
// With r = 1 / sqrt(mean(x^2) + eps) over the channels, out = r x forward, and backward
// out = r g - x r^3 mean(g x).

// Channels apart by `pixels` in memory, a thread a pack of pixels: NCHW.
//
// It reads x, and g, twice. To keep what was read in between takes 2 KiB a channel in a block of
// 128 threads: more than a block's memory or its registers from some 24 channels on. With fewer
// the second reading is of what the first has just left in the caches.
template <class T, int BACKWARD>
__device__ inline void pixel_norm_planes(const T* x, const T* g, T* out, double eps_,
                                         long long samples, long long channels, long long pixels,
                                         int packed)
{
    typedef Acc<T> A;
    const int V = Pack<T>::size;
    const A eps = (A)eps_;
    const long long per_sample = packed ? pixels / V : pixels, work = samples * per_sample;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < work;
         i += (long long)gridDim.x * blockDim.x) {
        const long long sample = quotient(i, per_sample);
        const long long pixel = (i - sample * per_sample) * (packed ? V : 1);
        const long long base = sample * channels * pixels + pixel;
        A squares[V], products[V];
#pragma unroll
        for (int k = 0; k < V; k++)
            squares[k] = products[k] = 0;
        for (int pass = 0; pass < 2; pass++) {
            for (long long c = 0; c < channels; c++) {
                const long long at = base + c * pixels;
                Pack<T> xs, gs, outs;
                if (packed) {
                    xs = load_pack(x + at);
                    if (BACKWARD)
                        gs = load_pack(g + at);
                } else {
                    xs.v[0] = x[at];
                    if (BACKWARD)
                        gs.v[0] = g[at];
                }
#pragma unroll
                for (int k = 0; k < V; k++) {
                    if (k > 0 && !packed)
                        continue;
                    const A v = up(xs.v[k]), w = BACKWARD ? up(gs.v[k]) : (A)0;
                    if (pass == 0) {
                        squares[k] += v * v;
                        products[k] += v * w;
                    } else {
                        down(&outs.v[k], BACKWARD ? w * squares[k] - v * products[k]
                                                  : v * squares[k]);
                    }
                }
                if (pass == 1) {
                    if (packed)
                        store_pack(out + at, outs);
                    else
                        out[at] = outs.v[0];
                }
            }
            if (pass == 0) {
#pragma unroll
                for (int k = 0; k < V; k++) {  // from here on r, and r^3 mean(g x)
                    const A r = (A)1 / sqrt_of(squares[k] / (A)channels + eps);
                    squares[k] = r;
                    products[k] *= r * r * r / (A)channels;
                }
            }
        }
    }
}

// Channels side by side in memory, a row of threads a pixel: channels_last, and [N, C].
template <class T, int BACKWARD>
__device__ inline void pixel_norm_pixels(const T* x, const T* g, T* out, double eps_,
                                         long long samples, long long channels, long long pixels,
                                         int packed)
{
    typedef Acc<T> A;
    const int V = Pack<T>::size, SLOTS = 128;
    BLOCK_SHARED(A, room, [2][SLOTS]);
    const A eps = (A)eps_;
    const long long work = samples * pixels, num_packs = (channels + V - 1) / V;
    int width = 1;  // threads of a row
    while (width < SLOTS && width < num_packs)
        width *= 2;
    const int rows = SLOTS / width;
    for (long long first = (long long)blockIdx.x * rows; first < work;
         first += (long long)gridDim.x * rows) {
        for (int pass = 0; pass < 2; pass++) {
            for (int slot = threadIdx.x; slot < SLOTS; slot += blockDim.x) {
                const long long pixel = first + slot / width, base = pixel * channels;
                A squares = 0, products = 0;
                if (pass == 1) {
                    for (int k = 0; k < width; k++) {
                        squares += room[0][slot / width * width + k];
                        products += room[1][slot / width * width + k];
                    }
                    const A r = (A)1 / sqrt_of(squares / (A)channels + eps);
                    squares = r;  // from here on r, and r^3 mean(g x)
                    products *= r * r * r / (A)channels;
                }
                for (long long p = slot % width; p < num_packs && pixel < work; p += width) {
                    const long long at = base + p * V;
                    const int count = p * V + V <= channels ? V : (int)(channels - p * V);
                    const bool whole = packed && count == V;
                    Pack<T> xs, gs, outs;
                    if (whole) {
                        xs = load_pack(x + at);
                        if (BACKWARD)
                            gs = load_pack(g + at);
                    }
#pragma unroll
                    for (int k = 0; k < V; k++) {
                        if (k >= count)
                            continue;
                        const A v = up(whole ? xs.v[k] : x[at + k]);
                        const A w = !BACKWARD ? (A)0 : up(whole ? gs.v[k] : g[at + k]);
                        if (pass == 0) {
                            squares += v * v;
                            products += v * w;
                            continue;
                        }
                        down(&outs.v[k], BACKWARD ? w * squares - v * products : v * squares);
                        if (!whole)
                            out[at + k] = outs.v[k];
                    }
                    if (pass == 1 && whole)
                        store_pack(out + at, outs);
                }
                if (pass == 0) {
                    room[0][slot] = squares;
                    room[1][slot] = products;
                }
            }
            __syncthreads();
        }
    }
}

template <class T, int LAST, int BACKWARD>
__device__ inline void pixel_norm(const T* x, const T* g, T* out, double eps, long long samples,
                                  long long channels, long long pixels, int packed)
{
    if (LAST)
        pixel_norm_pixels<T, BACKWARD>(x, g, out, eps, samples, channels, pixels, packed);
    else
        pixel_norm_planes<T, BACKWARD>(x, g, out, eps, samples, channels, pixels, packed);
}
