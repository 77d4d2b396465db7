export { type CoreAuditOptions, KERNEL, OTHERS, type Trust } from "./audit_input.ts";
export { type CoreExposureColumns, type Exposure, exposure, type ExposureColumns } from "./exposure.ts";
