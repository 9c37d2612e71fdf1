// The Node.js client etcd3: keys, transactions, leases, watches, locks, elections, software transactions, users.
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { Etcd3, EtcdLockFailedError } = require('etcd3');
const stage = require('./stage.js');

const WORKERS = 4;
const ROUNDS = 15;

const etcd = new Etcd3({ hosts: stage.hosts });

async function keys() {
  assert.equal(await etcd.get('none'), null);
  await etcd.put('k/1').value('one');
  await etcd.put('k/2').value(2);
  assert.equal(await etcd.get('k/1').string(), 'one');
  assert.equal(await etcd.get('k/2').number(), 2);
  assert.deepEqual(await etcd.getAll().prefix('k/').strings(), { 'k/1': 'one', 'k/2': '2' });
  assert.deepEqual(await etcd.getAll().prefix('k/').sort('Key', 'Descend').limit(1).keys(), ['k/2']);
  assert.equal(await etcd.getAll().inRange({ start: 'k/1', end: 'k/2' }).count(), 1);
  assert.equal((await etcd.put('k/1').value('two').getPrevious()).value.toString(), 'one');
  const [previous] = await etcd.delete().key('k/1').getPrevious();
  assert.equal(previous.value.toString(), 'two');
  await etcd.namespace('k/').put('inside').value('x');
  assert.deepEqual(await etcd.namespace('k/').getAll().keys(), ['2', 'inside']);
  assert.equal((await etcd.delete().prefix('k/')).deleted, '2');
}

async function transactions() {
  await etcd.put('t/1').value('1');
  const done = await etcd
    .if('t/1', 'Value', '==', '1')
    .and('t/2', 'Create', '==', 0)
    .then(etcd.put('t/2').value('2'), etcd.get('t/1'))
    .else(etcd.delete().all())
    .commit();
  assert.equal(done.succeeded, true);
  assert.equal(done.responses[1].response_range.kvs[0].value.toString(), '1');
  const other = await etcd.if('t/1', 'Version', '>', 1).then(etcd.delete().all()).else(etcd.get('t/2')).commit();
  assert.equal(other.succeeded, false);
  assert.equal(other.responses[0].response_range.kvs[0].value.toString(), '2');
}

async function leases() {
  const lease = etcd.lease(2);
  await lease.put('leased').value('1');
  const [told] = await once(lease, 'keepaliveSucceeded');
  assert.equal(told.TTL, '2');
  await lease.revoke();
  assert.equal(await etcd.get('leased'), null);
  const short = etcd.lease(2, { autoKeepAlive: false });
  await short.put('short').value('1');
  await stage.until('a lease that nobody keeps ends', async () => (await etcd.get('short')) === null);
}

async function watches() {
  const begin = (await etcd.put('w/1').value('old')).header.revision;
  const watcher = await etcd.watch().prefix('w/').startRevision(begin).withPreviousKV().create();
  const seen = [];
  watcher.on('put', (kv, previous) => seen.push(`${kv.key}=${kv.value} after ${previous ? previous.value : 'nothing'}`));
  watcher.on('delete', (kv, previous) => seen.push(`no ${kv.key} after ${previous.value}`));
  await etcd.put('w/1').value('new');
  await etcd.delete().key('w/1');
  await stage.until('all is told', () => seen.length >= 3);
  assert.deepEqual(seen, ['w/1=old after nothing', 'w/1=new after old', 'no w/1 after new']);
  await watcher.cancel();
}

async function locks() {
  const lock = await etcd.lock('orders').acquire();
  await assert.rejects(etcd.lock('orders').acquire(), EtcdLockFailedError);
  await lock.release();
  assert.equal(await etcd.lock('orders').ttl(10).do(async () => 'done'), 'done');
}

async function elections() {
  const election = etcd.election('boss', 5);
  const first = election.campaign('ada');
  await once(first, 'elected');
  const observer = await election.observe();
  assert.equal(observer.leader(), 'ada');
  const second = election.campaign('bob');
  await first.proclaim('ada again');
  await stage.until('it is observed', () => observer.leader() === 'ada again');
  await Promise.all([once(second, 'elected'), first.resign()]);
  await stage.until('the next one is observed', () => observer.leader() === 'bob');
  await second.resign();
  await observer.cancel();
}

async function softwareTransactions() {
  await etcd.put('stm/sum').value(0);
  const add = () =>
    etcd.stm({ retries: 100 }).transact(async (tx) => {
      await tx.put('stm/sum').value((await tx.get('stm/sum').number()) + 1);
    });
  await Promise.all(Array.from({ length: 20 }, add));
  assert.equal(await etcd.get('stm/sum').number(), 20);
}

async function users() {
  const root = await etcd.user('root').create('secret');
  await root.addRole('root');
  const role = await etcd.role('reader').create();
  await role.grant({ permission: 'Read', range: etcd.range({ prefix: 'public/' }) });
  const ada = await etcd.user('ada').create('first');
  await ada.addRole('reader');
  await etcd.auth.authEnable();
  const as = (username, password) => new Etcd3({ hosts: stage.hosts, auth: { username, password } });
  const [byRoot, byAda] = [as('root', 'secret'), as('ada', 'first')];
  await byRoot.put('public/1').value('all');
  assert.equal(await byAda.get('public/1'), 'all');
  await assert.rejects(byAda.get('private'), /permission denied/);
  await assert.rejects(Promise.resolve(etcd.get('public/1')), /user name is empty/);
  await byRoot.auth.authDisable();
  for (const name of ['root', 'ada']) await etcd.user(name).delete();
  await role.delete();
}

async function maintenance() {
  const { members } = await etcd.cluster.memberList({});
  assert.deepEqual(members.map((member) => member.name).sort(), ['node-1', 'node-2', 'node-3']);
  const status = await etcd.maintenance.status();
  assert.equal(status.version, '3.5.21');
  await etcd.maintenance.defragment();
}

/** Adds 1 and notes that it did, in one software transaction; to do so again changes nothing. */
async function countOnce(note) {
  return etcd.stm({ retries: 100 }).transact(async (tx) => {
    if ((await tx.get(note)) !== null) return true;
    await tx.put('count/sum').value((await tx.get('count/sum').number()) + 1);
    await tx.put(note).value('1');
    return true;
  });
}

async function aLeaderIsKilledWhileTheyCountWatchAndLead() {
  await etcd.put('count/sum').value(0);
  const seen = [];
  const watcher = await etcd.watch().key('count/sum').create();
  watcher.on('put', (kv) => seen.push(Number(kv.value)));
  const campaign = etcd.election('lasting', 20).campaign('ada');
  await once(campaign, 'elected');
  const work = async (worker) => {
    for (let number = 0; number < ROUNDS; number += 1) {
      await stage.patiently('it is counted', () => countOnce(`count/done/${worker}/${number}`));
    }
  };
  const working = Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)));
  await stage.until('they count', () => seen.length > 5);
  await stage.killTheLeader();
  await working;
  await stage.until('the watch tells all', () => seen.at(-1) === WORKERS * ROUNDS);
  assert.deepEqual(seen, Array.from({ length: WORKERS * ROUNDS }, (_, n) => n + 1), 'each change once, in order');
  assert.equal(await stage.patiently('who leads', () => etcd.election('lasting').leader()), 'ada');
  await stage.startItAgain();
  await stage.patiently('it resigns', () => campaign.resign().then(() => true));
  await watcher.cancel();
}

stage.run([
  keys,
  transactions,
  leases,
  watches,
  locks,
  elections,
  softwareTransactions,
  users,
  maintenance,
  aLeaderIsKilledWhileTheyCountWatchAndLead,
]);
