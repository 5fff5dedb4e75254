import { defineConfig, loadEnv } from 'vite';

export default defineConfig(({ mode }) => ({
  build: {
    target: 'es2022',
    // An inlined asset would be a data: address, which the page's content security policy refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': loadEnv(mode, '.', 'CANDLEWICK_').CANDLEWICK_WEB ?? 'http://127.0.0.1:8000' } },
}));
