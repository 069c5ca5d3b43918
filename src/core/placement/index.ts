// The public face of placement.

export { SLOT_COUNT, SlotMap, type SlotRun, SlotSet, slotOf, spreadSlots } from './slots.ts';
