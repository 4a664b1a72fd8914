import { connect } from 'ipfi';
import { GreeterClient } from './greeter.js'; // ipfi gen ts ws://localhost:8080 --js
const greeter = new GreeterClient(await connect('ws://localhost:8080'));
console.log(await greeter.hello('Ada'));
for await (const n of greeter.count(10n)) console.log(n);
