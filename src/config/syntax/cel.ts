/**
 * Expressions in the Common Expression Language, parsed and checked as Envoy checks them. Follows https://github.com/google/cel-spec
 */
import type { Expr } from '#api/generated/google/api/expr/v1alpha1/syntax_pb.js';
import type { CelDialect, CelExpression } from '#config/model/cel.ts';
import { checkAttribute, checkVariable } from '#config/syntax/cel-attributes.ts';
import { isCelFunction } from '#config/syntax/cel-functions.ts';
import { type CelLibrary, celEnvironment, celLibrary } from '#config/syntax/cel-library.ts';
import { parseRe2 } from '#config/syntax/re2.ts';

type Kind<C extends Expr['exprKind']['case']> = Extract<Expr['exprKind'], { case: C }>['value'];
/** The library's name for the same message. */
type LibraryExpr = Parameters<CelLibrary['plan']>[1];

/** @throws Error for what is no expression, calls what Envoy does not know, or asks for an attribute that we cannot give. */
export function planCel({ source, dialect }: CelExpression) {
  const tree = typeof source === 'string' ? parsed(source) : source;
  new Checker(dialect).expression(tree);
  return celLibrary().plan(celEnvironment(dialect), tree as unknown as LibraryExpr);
}

function parsed(text: string): Expr {
  try {
    return celLibrary().parse(text).expr as unknown as Expr;
  } catch (error) {
    throw new Error(`Not able to parse filter expression: ${(error as Error).message}`);
  }
}

function refused(why: string): Error {
  return new Error(`failed to create an expression: ${why}`);
}

/** Goes through a tree, and throws at the first mistake: whoever made it need not have been a parser. */
class Checker {
  readonly #dialect: CelDialect;

  constructor(dialect: CelDialect) {
    this.#dialect = dialect;
  }

  expression(expr: Expr | undefined): void {
    const kind = expr?.exprKind;
    switch (kind?.case) {
      case 'constExpr':
        if (kind.value.constantKind.case === undefined) throw refused('unspecified constant');
        return;
      case 'identExpr':
        if (kind.value.name === '') throw refused("Invalid expression: identifier 'name' must not be empty");
        return checkVariable(kind.value.name);
      case 'selectExpr':
        return this.#select(kind.value);
      case 'callExpr':
        return this.#call(kind.value);
      case 'listExpr':
        for (const element of kind.value.elements) this.expression(element);
        return;
      case 'structExpr':
        return this.#struct(kind.value);
      case 'comprehensionExpr':
        throw refused('Comprehension support is disabled');
      default:
        throw refused('Invalid empty expression');
    }
  }

  #select({ operand, field }: Kind<'selectExpr'>): void {
    if (operand === undefined) throw refused('invalid expression: select must specify an operand');
    if (operand.exprKind.case === 'identExpr') checkAttribute(operand.exprKind.value.name, field);
    this.expression(operand);
  }

  #call({ target, function: name, args }: Kind<'callExpr'>): void {
    const namespace = target?.exprKind.case === 'identExpr' ? target.exprKind.value.name : undefined;
    const call = { name, namespace, method: target !== undefined, args: args.length };
    if (!isCelFunction(call, this.#dialect)) throw refused(`No overload found in reference resolve step for ${name}`);
    if (target !== undefined) this.expression(target);
    for (const arg of args) this.expression(arg);
    if (name === 'matches') checkPattern(args[0]);
  }

  #struct({ messageName, entries }: Kind<'structExpr'>): void {
    if (messageName !== '' && !messageName.startsWith('google.protobuf.'))
      throw refused(`Invalid struct creation: missing type info for '${messageName}'`);
    for (const { keyKind, value } of entries) {
      if (messageName === '' && keyKind.case === 'fieldKey') throw refused('encountered struct field in map');
      if (value === undefined) throw refused('Map entry missing value');
      if (keyKind.case === 'mapKey') this.expression(keyKind.value);
      this.expression(value);
    }
  }
}

function checkPattern(pattern: Expr): void {
  const constant = pattern.exprKind.case === 'constExpr' ? pattern.exprKind.value.constantKind : undefined;
  if (constant?.case !== 'stringValue') return;
  try {
    parseRe2(constant.value);
  } catch (error) {
    throw refused(`invalid regular expression: ${(error as Error).message}`);
  }
}
