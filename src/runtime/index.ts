// What generated wrappers and their users import from "optspec/runtime".

export type { OptimizerDefinition } from "../contract/manifest.js";
export type { Schedule, ScheduleState, StatefulSchedule } from "../contract/schedule.js";
export type { ExplainTable } from "../rules/explain.js";
export type { Device, DeviceLimits } from "./device.js";
export { DeviceLost, OptimizerError, type OptimizerErrorCode } from "./errors.js";
export { createOptimizer } from "./optimizer.js";
export type {
  AddOptions,
  BaseSettings,
  DeviceGradient,
  DynamicLossScale,
  EncodeOptions,
  GpuBuffer,
  GpuEncoder,
  GpuPointer,
  GpuRange,
  Gradients,
  GroupHypers,
  GroupLr,
  GroupSettings,
  HyperInput,
  HyperValue,
  LoadOptions,
  LoadReport,
  LossScale,
  NamedParam,
  Optimizer,
  OptimizerTypes,
  ParamGroup,
  ParamSpec,
  RowsGradient,
  Rules,
  SaveOptions,
  StateSource,
  StateTarget,
  StepOptions,
  TensorViews,
} from "./types.js";
