import { render } from 'preact';
import './style/base.css';
import './shared/theme';
// Not loaded behind a second question: the chart is the page that has to be there at once.
import { ChartPage } from './chart/page';

const root = document.getElementById('page')!;

if (window.location.pathname.startsWith('/settings')) {
  document.title = 'Settings · Candlewick';
  const { SettingsPage } = await import('./settings/page');
  render(<SettingsPage />, root);
} else {
  render(<ChartPage />, root);
}
