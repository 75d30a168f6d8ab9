// Zero-insertion, padding, FIR filter and decimation of every channel.
//
// Along an axis, out[o] = sum over k of f[k] * z[o * down + k - pad], where z is x with up - 1
// zeros after each sample and zeros beyond its ends. Taps come in the order of that sum, so the
// kernels know of no flip; a negative pad is nothing special. Only taps that meet a sample count:
// those with (o * down + k - pad) % up == 0. Filters have up to four taps an axis where it says
// four; the rest do not exist, which is not the same as being zero where a sample is infinite.

// The first sample at or after position m of z.
template <int UP> __device__ inline int sample_from(int m) { return UP == 1 ? m : (m + 1) >> 1; }

// `taps` taps, four at most, against the samples from sample_from(m) on, which lie `apart`
// elements apart.
template <int UP, class A>
__device__ inline A four_taps(const A* f, int taps, int m, const A* samples, int apart)
{
    A sum = 0;
    if (UP == 1) {
#pragma unroll
        for (int k = 0; k < 4; k++)
            if (k < taps)
                sum += f[k] * samples[k * apart];
        return sum;
    }
    const bool odd = m & 1;
    if ((odd ? 1 : 0) < taps)
        sum = (odd ? f[1] : f[0]) * samples[0];
    if ((odd ? 3 : 2) < taps)
        sum += (odd ? f[3] : f[2]) * samples[apart];
    return sum;
}

// Four taps an axis, NCHW: a tile of a plane through memory of the block, rows then columns.
template <class T, int UP, int DOWN>
__device__ inline void upfirdn2d_planes(const T* x, T* out, long long planes, int h, int w, int oh,
                                        int ow, int pad_x, int pad_y, int taps_x, int taps_y,
                                        double x0, double x1, double x2, double x3, double y0,
                                        double y1, double y2, double y3, int packed)
{
    typedef Acc<T> A;
    const int TH = DOWN == 2 ? 16 : 32, TW = DOWN == 2 ? 32 : 64;
    const int SH = ((TH - 1) * DOWN + 3) / UP + 1, SW = ((TW - 1) * DOWN + 3) / UP + 1;
    const int STRIP = 4;  // rows of the result that a thread makes at once, sharing what it reads
    BLOCK_SHARED(A, samples, [SH * SW]);
    BLOCK_SHARED(A, rows, [SH * TW]);
    const A fx[4] = {(A)x0, (A)x1, (A)x2, (A)x3}, fy[4] = {(A)y0, (A)y1, (A)y2, (A)y3};
    const int across = (ow + TW - 1) / TW, along = (oh + TH - 1) / TH;
    const long long tiles = planes * across * along;
    for (long long tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        const long long row = quotient(tile, across), plane = quotient(row, along);
        const int ox0 = (int)(tile - row * across) * TW, oy0 = (int)(row - plane * along) * TH;
        const int mx0 = ox0 * DOWN - pad_x, my0 = oy0 * DOWN - pad_y;
        const int ix0 = sample_from<UP>(mx0), iy0 = sample_from<UP>(my0);
        const T* image = x + plane * h * w;
        if (packed) {  // rows are whole packs, and start on one
            const int V = Pack<T>::size, PACKS = (SW + 2 * V - 2) / V;  // wherever a tile starts
            const int start = ix0 & -V;
            for (int i = threadIdx.x; i < SH * PACKS; i += blockDim.x) {
                const int r = i / PACKS, iy = iy0 + r, ix = start + i % PACKS * V;
                const bool inside = iy >= 0 && iy < h && ix >= 0 && ix < w;
                Pack<T> pack;
                if (inside)
                    pack = load_pack(image + (long long)iy * w + ix);
#pragma unroll
                for (int v = 0; v < V; v++) {
                    const int column = ix + v - ix0;
                    if (column >= 0 && column < SW)
                        samples[r * SW + column] = inside ? up(pack.v[v]) : (A)0;
                }
            }
        } else {
            for (int i = threadIdx.x; i < SH * SW; i += blockDim.x) {
                const int iy = iy0 + i / SW, ix = ix0 + i % SW;
                const bool within = iy >= 0 && iy < h && ix >= 0 && ix < w;
                samples[i] = within ? up(image[(long long)iy * w + ix]) : (A)0;
            }
        }
        __syncthreads();
        for (int i = threadIdx.x; i < SH * TW; i += blockDim.x) {
            const int r = i / TW, m = mx0 + i % TW * DOWN;
            rows[i] = four_taps<UP>(fx, taps_x, m, samples + r * SW + sample_from<UP>(m) - ix0, 1);
        }
        __syncthreads();
        for (int i = threadIdx.x; i < TH / STRIP * TW; i += blockDim.x) {
            const int column = i % TW, first = i / TW * STRIP;
            A sums[STRIP];
#pragma unroll
            for (int t = 0; t < STRIP; t++) {
                const int m = my0 + (first + t) * DOWN;
                const A* here = rows + (sample_from<UP>(m) - iy0) * TW + column;
                sums[t] = four_taps<UP>(fy, taps_y, m, here, TW);
            }
            const int ox = ox0 + column;
#pragma unroll
            for (int t = 0; t < STRIP; t++) {
                const int oy = oy0 + first + t;
                if (oy < oh && ox < ow)
                    down(&out[(plane * oh + oy) * ow + ox], sums[t]);
            }
        }
        // No third barrier: the next tile fills `samples`, which nobody reads any more, and waits
        // before it fills `rows`.
    }
}

template <class A> __device__ inline A chosen(const A* f, int k)
{
    return k == 0 ? f[0] : k == 1 ? f[1] : k == 2 ? f[2] : f[3];  // no address of f is needed
}

// Four taps an axis, channels_last: a thread makes W channels of a short column in registers.
template <class T, int UP, int DOWN, int W>
__device__ inline void upfirdn2d_last(const T* x, T* out, long long n, int h, int w, int c, int oh,
                                      int ow, int pad_x, int pad_y, int taps_x, int taps_y,
                                      double x0, double x1, double x2, double x3, double y0,
                                      double y1, double y2, double y3)
{
    typedef Acc<T> A;
    const int STRIP = 4, ROWS = ((STRIP - 1) * DOWN + 3) / UP + 1;
    const A fx[4] = {(A)x0, (A)x1, (A)x2, (A)x3}, fy[4] = {(A)y0, (A)y1, (A)y2, (A)y3};
    const int packs = c / W, strips = (oh + STRIP - 1) / STRIP;
    const long long total = n * strips * ow * packs, stride = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < total; i += stride) {
        const long long place = quotient(i, packs), line = quotient(place, ow);
        const long long image = quotient(line, strips);
        const int channel = (int)(i - place * packs) * W, ox = (int)(place - line * ow);
        const int oy0 = (int)(line - image * strips) * STRIP;
        const int mx = ox * DOWN - pad_x, my = oy0 * DOWN - pad_y;
        const int ix0 = sample_from<UP>(mx), iy0 = sample_from<UP>(my);
        A sums[STRIP][W];
#pragma unroll
        for (int t = 0; t < STRIP; t++)
            for (int v = 0; v < W; v++)
                sums[t][v] = 0;
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            const int iy = iy0 + r;
            if (iy < 0 || iy >= h)
                continue;
            const T* samples = x + ((image * h + iy) * w) * c + channel;
            A row[W];
            for (int v = 0; v < W; v++)
                row[v] = 0;
#pragma unroll
            for (int j = 0; j < 4 / UP; j++) {
                const int ix = ix0 + j, k = UP == 1 ? j : 2 * j + (mx & 1);
                if (ix < 0 || ix >= w || k >= taps_x)
                    continue;
                const A tap = chosen(fx, k);
                const T* here = samples + (long long)ix * c;
                if (W == 1) {
                    row[0] += tap * up(*here);
                } else {
                    const Pack<T> pack = load_pack(here);
                    for (int v = 0; v < W; v++)
                        row[v] += tap * up(pack.v[v]);
                }
            }
#pragma unroll
            for (int t = 0; t < STRIP; t++) {
                const int k = r * UP - t * DOWN + (UP == 1 ? 0 : my & 1);
                if (k < 0 || k >= taps_y)
                    continue;
                const A tap = chosen(fy, k);
                for (int v = 0; v < W; v++)
                    sums[t][v] += tap * row[v];
            }
        }
#pragma unroll
        for (int t = 0; t < STRIP; t++) {
            if (oy0 + t >= oh)
                continue;
            T* here = out + ((image * oh + oy0 + t) * ow + ox) * c + channel;
            if (W == 1) {
                down(here, sums[t][0]);
            } else {
                Pack<T> pack;
                for (int v = 0; v < W; v++)
                    down(&pack.v[v], sums[t][v]);
                store_pack(here, pack);
            }
        }
    }
}

// Any two-dimensional filter, factors and padding; an element of the result a thread.
template <class T>
__device__ inline void upfirdn2d_general(const T* x, const Acc<T>* f, T* out, long long n,
                                         long long c, int h, int w, int oh, int ow, int fh, int fw,
                                         int up_x, int up_y, int down_x, int down_y, int pad_x,
                                         int pad_y, int flip, double gain, int last)
{
    typedef Acc<T> A;
    const long long total = n * c * oh * ow, stride = (long long)gridDim.x * blockDim.x;
    const long long apart_x = last ? c : 1, apart_y = apart_x * w;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < total; i += stride) {
        long long channel = 0, place = i, start;
        if (last) {
            place = quotient(i, c);
            channel = i - place * c;
        }
        const long long line = quotient(place, ow), plane = quotient(line, oh);
        const int ox = (int)(place - line * ow), oy = (int)(line - plane * oh);
        start = last ? plane * h * w * c + channel : plane * h * w;
        const int mx = ox * down_x - pad_x, my = oy * down_y - pad_y;
        const int first_x = (up_x - mx % up_x) % up_x, first_y = (up_y - my % up_y) % up_y;
        A sum = 0;
        for (int ky = first_y; ky < fh; ky += up_y) {
            const int iy = (my + ky) / up_y;
            if (my + ky < 0 || iy >= h)
                continue;
            const A* taps = f + (flip ? ky : fh - 1 - ky) * fw;
            for (int kx = first_x; kx < fw; kx += up_x) {
                const int ix = (mx + kx) / up_x;
                if (mx + kx < 0 || ix >= w)
                    continue;
                sum += taps[flip ? kx : fw - 1 - kx] * up(x[start + iy * apart_y + ix * apart_x]);
            }
        }
        down(&out[i], sum * (A)gain);
    }
}
