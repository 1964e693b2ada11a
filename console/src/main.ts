import { mount } from "svelte";

import { pulse } from "./api/pulse.svelte";
import { session } from "./api/session.svelte";
import { comeBack } from "./api/signin";
import App from "./app/App.svelte";
import "./base.css";
import { here } from "./place/here.svelte";
import "./tokens.css";

session.open();
comeBack();
here.open();
pulse.open();

const target = document.getElementById("app");
if (target) mount(App, { target });
