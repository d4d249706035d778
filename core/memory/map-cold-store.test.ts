import { testColdStore } from './cold-store.contract.ts';
import { MapColdStore } from './map-cold-store.ts';

testColdStore('a map', () => new MapColdStore());
