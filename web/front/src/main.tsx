import { render } from 'preact';
import './style/base.css';
import './shared/theme';

const root = document.getElementById('page')!;

if (window.location.pathname.startsWith('/settings')) {
  document.title = 'Settings · Candlewick';
  const { SettingsPage } = await import('./settings/page');
  render(<SettingsPage />, root);
} else {
  const { ChartPage } = await import('./chart/page');
  render(<ChartPage />, root);
}
