/**
 * Closes connections that policies do not let pass. They are asked when the client sends its first bytes, or each time that it sends some.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/rbac_filter
 */
import { Timer } from '#base/timers.ts';
import type { RbacRules } from '#config/model/rbac.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import { RBAC_INPUTS } from '#config/read/matcher-input.ts';
import { type RbacSubject, readRbac } from '#config/read/rbac.ts';
import { honours } from '#config/read/support.ts';
import type { RBAC } from '#envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import type { FilterRun } from '#proxy/network/filter-run.ts';
import {
  Continue,
  type FilterStatus,
  type NetworkFilterInUse,
  networkFilter,
  Stop,
} from '#proxy/network/network-filter.ts';
import { compileCelCondition } from '#proxy/observe/cel/cel-condition.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { asEvent } from '#proxy/transport/io-event.ts';
import { compileRbac, type RbacEngine, type RbacSubjects, type RbacVerdict } from '#selection/rbac/rbac-engine.ts';
import { rbacInput } from '#selection/rbac/rbac-inputs.ts';
import type { RbacView } from '#selection/rbac/rbac-view.ts';

const MESSAGE = 'envoy.extensions.filters.network.rbac.v3.RBAC';
const NAME = 'envoy.filters.network.rbac';
const check = honours(MESSAGE, [
  'rules',
  'matcher',
  'shadow_rules',
  'shadow_matcher',
  'shadow_rules_stat_prefix',
  'stat_prefix',
  'enforcement_type',
  'delay_deny',
]);

interface Config {
  rules?: RbacRules;
  shadowRules?: RbacRules;
  statPrefix: string;
  shadowPrefix: string;
  continuous: boolean;
  /** Milliseconds. */
  delayDeny: number;
}

/** A connection as policies see it. */
type Asked = RbacView & { connection: DownstreamConnection };

interface Prepared {
  engine: RbacEngine<Asked> | undefined;
  shadow: RbacEngine<Asked> | undefined;
  /** There are expressions, which may ask for more than the rest needs. */
  conditions: boolean;
}

const SUBJECTS: RbacSubjects<Asked> = {
  input: rbacInput,
  condition(expression) {
    const holds = compileCelCondition(expression);
    return ({ connection }) => holds(connection.stream);
  },
};

/** What is kept of a connection: the verdict, once there is one, and what will close it. */
interface Kept {
  allowed: boolean;
  timer: Timer | undefined;
}

type Use = NetworkFilterInUse<Config, ReturnType<typeof stats>, Prepared>;

export const rbac = networkFilter<Config, ReturnType<typeof stats>, Prepared>({
  name: NAME,
  message: MESSAGE,
  config(message: RBAC, at) {
    check(message, at);
    const subject: RbacSubject = {
      inputs: RBAC_INPUTS,
      refuseHeader: ({ name }, place) => {
        throw place.problem(`Found header(${name}) rule, not supported by RBAC network filter`);
      },
    };
    const rules = readRbac(
      { message: message.rules, at: at.field('rules') },
      { message: message.matcher, at: at.field('matcher') },
      subject,
    );
    const shadowRules = readRbac(
      { message: message.shadowRules, at: at.field('shadow_rules') },
      { message: message.shadowMatcher, at: at.field('shadow_matcher') },
      subject,
    );
    return {
      ...(rules === undefined ? {} : { rules }),
      ...(shadowRules === undefined ? {} : { shadowRules }),
      statPrefix: message.statPrefix,
      shadowPrefix: message.shadowRulesStatPrefix,
      continuous: message.enforcementType === 1,
      delayDeny: millisecondsOr(message.delayDeny, 0),
    };
  },
  stats,
  prepare: ({ rules, shadowRules }) => ({
    engine: rules && compileRbac(rules, SUBJECTS),
    shadow: shadowRules && compileRbac(shadowRules, SUBJECTS),
    conditions: hasConditions(rules) || hasConditions(shadowRules),
  }),

  onData(run, use) {
    const kept = run.state[use.index] as Kept | undefined;
    if (kept !== undefined) {
      if (!kept.allowed) return Stop;
      if (!use.config.continuous) return Continue;
    }
    return decide(run, use);
  },
  end(run, { index, worker }) {
    const timer = (run.state[index] as Kept | undefined)?.timer;
    if (timer !== undefined) worker.timers.cancel(timer);
  },
});

function decide(run: FilterRun, use: Use): FilterStatus {
  const { prepared, config, stats, worker } = use;
  const view = viewOf(run);
  if (prepared.conditions) run.countBytes();
  const shadow = prepared.shadow?.(view);
  if (shadow !== undefined) {
    if (shadow.allowed) stats.shadowAllowed.inc();
    else stats.shadowDenied.inc();
    noteShadow(run, config.shadowPrefix, shadow);
  }
  const verdict = prepared.engine?.(view);
  if (verdict?.logged !== undefined) run.connection.setMetadata('envoy.common', { access_log_hint: verdict.logged });
  const kept: Kept = { allowed: verdict?.allowed ?? true, timer: undefined };
  run.state[use.index] = kept;
  if (kept.allowed) {
    if (verdict !== undefined) stats.allowed.inc();
    return Continue;
  }
  stats.denied.inc();
  const policy = verdict?.policy || 'none';
  const details = `rbac_access_denied_matched_policy[${policy.replace(/\s/g, '_')}]`;
  if (config.delayDeny > 0) {
    kept.timer = new Timer(() => asEvent(() => run.close(CLOSE_REASON, details)));
    worker.timers.arm(kept.timer, config.delayDeny);
  } else run.close(CLOSE_REASON, details);
  return Stop;
}

/** DOWNSTREAM_LOCAL_CLOSE_REASON */
const CLOSE_REASON = 'rbac_deny_close';

function noteShadow(run: FilterRun, prefix: string, { allowed, policy }: RbacVerdict): void {
  run.connection.setMetadata(NAME, {
    ...(policy === '' ? {} : { [`${prefix}shadow_effective_policy_id`]: policy }),
    [`${prefix}shadow_engine_result`]: allowed ? 'allowed' : 'denied',
  });
}

function hasConditions(rules: RbacRules | undefined): boolean {
  return rules?.kind === 'policies' && rules.policies.some(({ condition }) => condition !== undefined);
}

/** A connection is asked for neither headers nor path. */
function viewOf({ connection }: FilterRun): Asked {
  return {
    connection,
    remoteIp: connection.sourceAddress,
    method: '',
    path: '',
    host: '',
    scheme: '',
    dynamicMetadata: connection.dynamicMetadata,
    filterState: connection.filterState,
  };
}

function stats(root: Scope, { statPrefix, shadowPrefix }: Config) {
  const scope = root.scope(`${statPrefix}rbac`);
  const shadow = shadowPrefix === '' ? scope : scope.scope(shadowPrefix);
  return {
    allowed: scope.counter('allowed'),
    denied: scope.counter('denied'),
    shadowAllowed: shadow.counter('shadow_allowed'),
    shadowDenied: shadow.counter('shadow_denied'),
  };
}
