// The page: its frame, which page is shown, and what runs once.
import { render, type JSX } from 'preact';
import { startLive } from './api/live.ts';
import { startSession } from './api/session.ts';
import { place, startRouter } from './base/router.ts';
import { Overview } from './pages/overview.tsx';
import { Pipelines } from './pages/pipelines.tsx';
import { Pipeline } from './pages/pipeline.tsx';
import { TaskPage } from './pages/task.tsx';
import { Missing } from './pages/missing.tsx';
import { Confirm } from './parts/actions.tsx';
import { message } from './parts/basics.tsx';
import { Banner, Header, startTheme } from './parts/frame.tsx';
import { Help, startKeys } from './parts/keys.tsx';
import { WorkerPage, Workers } from './pages/workers.tsx';

function Page(): JSX.Element {
  const where = place.value;
  switch (where.page) {
    case 'overview':
      return <Overview />;
    case 'pipelines':
      return <Pipelines />;
    case 'pipeline':
      return <Pipeline key={where.id} id={where.id} tab={where.tab} />;
    case 'task':
      return <TaskPage key={where.id} id={where.id} />;
    case 'workers':
      return <Workers />;
    case 'worker':
      return <WorkerPage key={where.id} id={where.id} />;
    case 'missing':
      return <Missing path={where.path} />;
  }
}

function App(): JSX.Element {
  const note = message.value;
  return (
    <>
      <Header />
      <Banner />
      <main id="main">
        <Page />
      </main>
      <Confirm />
      <Help />
      <div aria-live="polite">{note ? <div class={`message ${note.bad ? 'bad' : ''}`}>{note.text}</div> : null}</div>
    </>
  );
}

startTheme();
startRouter();
startKeys();
startSession();
startLive();
const root = document.getElementById('page');
if (root) {
  root.replaceChildren();
  render(<App />, root);
}
