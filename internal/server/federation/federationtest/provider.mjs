// A real OpenID provider (oidc-provider from npm) on a loopback port, with a
// login page of two fields. Whoever starts it says where the module is and what
// the client is; people are whom the last line on standard input says.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

// Standard output is for who started this: all else goes to standard error.
console.info = console.log = console.warn = console.error;

const { module, client, secret, console: console_ } = JSON.parse(process.argv[2]);
const { Provider } = await import(pathToFileURL(module + '/lib/index.js'));

let people = {};
const server = createServer();
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{
    client_id: client,
    ...(secret ? { client_secret: secret } : { token_endpoint_auth_method: 'none' }),
    redirect_uris: console_.map((url) => url + '/sign-in/sso/callback'),
    post_logout_redirect_uris: console_.map((url) => url + '/signed-out'),
    backchannel_logout_uri: console_[0] + '/sign-in/sso/logout',
    backchannel_logout_session_required: true,
    grant_types: ['authorization_code'],
    response_types: ['code'],
  }],
  claims: { openid: ['sub', 'amr'], profile: ['name', 'preferred_username', 'groups'], email: ['email'], acr: null, sid: null, auth_time: null, iss: null },
  conformIdTokenClaims: false,
  cookies: { keys: ['of this run'] },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      async logoutSource(ctx, form) { ctx.body = `<!doctype html><title>Sign out</title>${form}<main><h1>Sign out here too?</h1><button form="op.logoutForm" name="logout" value="yes">Sign out at the provider</button></main>`; },
    },
  },
  // Its own refuses addresses of this machine, where the console is.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  async findAccount(ctx, sub) {
    return people[sub] && { accountId: sub, claims: async () => ({ sub, ...people[sub] }) };
  },
  async loadExistingGrant(ctx) {
    const held = ctx.oidc.session.grantIdFor(ctx.oidc.client.clientId);
    const earlier = held && await ctx.oidc.provider.Grant.find(held);
    if (earlier) return earlier;
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope('openid profile email');
    await grant.save();
    return grant;
  },
});

provider.on('backchannel.error', (ctx, err) => console.error('back-channel', err.message, err.cause));
provider.on('grant.error', (ctx, err) => console.error('token', err.message, err.error_detail));

const handle = provider.callback();
server.on('request', async (req, res) => {
  const uid = /^\/interaction\/([\w-]+)$/.exec(req.url);
  if (!uid) return handle(req, res);
  try {
    await provider.interactionDetails(req, res);
    if (req.method !== 'POST') {
      res.setHeader('content-type', 'text/html');
      return res.end('<!doctype html><title>Provider</title><main><h1>Who are you?</h1><form method="post"><label>Subject <input id="sub" name="sub"></label> <label>Methods <input id="amr" name="amr"></label> <button>Sign in as this</button> <button name="no" value="1">Refuse</button></form></main>');
    }
    let body = '';
    for await (const part of req) body += part;
    const form = new URLSearchParams(body);
    const result = form.get('no')
      ? { error: 'access_denied', error_description: '<b>go to evil.example</b>' }
      : { login: { accountId: form.get('sub'), amr: (form.get('amr') || '').split(' ').filter(Boolean) } };
    return provider.interactionFinished(req, res, result, { mergeWithLastSubmission: false });
  } catch (err) {
    res.statusCode = 400;
    return res.end(String(err));
  }
});

createInterface({ input: process.stdin }).on('line', (line) => {
  people = JSON.parse(line);
  process.stdout.write('known\n');
}).on('close', () => process.exit(0));
process.stdout.write(issuer + '\n');
