import ts from 'typescript';

/** A module whose branches count themselves. */
export interface Instrumented {
  readonly code: string;
  /** Number of counters that it uses. */
  readonly counters: number;
  /** Texts and whole numbers that stand in it: what inputs are compared with. */
  readonly literals: readonly (string | number)[];
}

const ALLOCATING_CLASSES = new Set(
  [
    ['Array', 'ArrayBuffer', 'SharedArrayBuffer', 'Uint8Array', 'Int8Array', 'Uint16Array', 'Int16Array'],
    ['Uint32Array', 'Int32Array', 'Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array'],
  ].flat(),
);
const ALLOCATING_METHODS = new Set(['alloc', 'allocUnsafe', 'repeat', 'padEnd', 'padStart']);
const LOGICAL = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
]);
const LONGEST_LITERAL = 40;

/**
 * A TypeScript module in which every branch, case, loop and function adds to a counter of its own
 * (`$c[number]`, from `first` on), every loop and function to the work (`$step()`), every allocation by size to the bytes
 * (`$size(n)`), and every caught error is noted (`$caught(error)`). `meter.ts` has what these mean.
 */
export function instrument(source: string, path: string, first: number): Instrumented {
  const literals = new Set<string | number>();
  let next = first;
  const count = (): ts.Expression => {
    const place = ts.factory.createElementAccessExpression(ts.factory.createIdentifier('$c'), next++);
    return ts.factory.createPostfixIncrement(place);
  };
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.ES2022, true);
  const { transformed } = ts.transform(file, [(context) => () => rewrite(file, context, count, literals)]);
  const code = ts.createPrinter().printFile(transformed[0] ?? file);
  return { code, counters: next - first, literals: [...literals] };
}

function rewrite(
  file: ts.SourceFile,
  context: ts.TransformationContext,
  count: () => ts.Expression,
  literals: Set<string | number>,
): ts.SourceFile {
  const visit = (node: ts.Node): ts.Node => {
    if (ts.isImportDeclaration(node) || ts.isTypeNode(node)) return node;
    if (ts.isStringLiteral(node) && node.text !== '' && node.text.length <= LONGEST_LITERAL) {
      literals.add(node.text);
    }
    if (ts.isNumericLiteral(node)) literals.add(Number(node.text));
    return counted(ts.visitEachChild(node, visit, context), count);
  };
  return ts.visitEachChild(file, visit, context);
}

function counted(node: ts.Node, count: () => ts.Expression): ts.Node {
  const { factory } = ts;
  if (ts.isIfStatement(node)) {
    const otherwise = node.elseStatement && block(node.elseStatement, [count()]);
    return factory.updateIfStatement(node, node.expression, block(node.thenStatement, [count()]), otherwise);
  }
  if (ts.isConditionalExpression(node)) {
    const { condition, questionToken, whenTrue, colonToken, whenFalse } = node;
    const [yes, no] = [comma(count(), whenTrue), comma(count(), whenFalse)];
    return factory.updateConditionalExpression(node, condition, questionToken, yes, colonToken, no);
  }
  if (ts.isBinaryExpression(node) && LOGICAL.has(node.operatorToken.kind)) {
    return factory.updateBinaryExpression(node, node.left, node.operatorToken, comma(count(), node.right));
  }
  if (ts.isCaseOrDefaultClause(node)) {
    const statements = [factory.createExpressionStatement(count()), ...node.statements];
    return ts.isCaseClause(node)
      ? factory.updateCaseClause(node, node.expression, statements)
      : factory.updateDefaultClause(node, statements);
  }
  if (ts.isCatchClause(node)) return catching(node, count);
  return loop(node, count) ?? callable(node, count) ?? allocation(node) ?? node;
}

function loop(node: ts.Node, count: () => ts.Expression): ts.Node | null {
  const { factory } = ts;
  const body = (statement: ts.Statement) => block(statement, [count(), step()]);
  if (ts.isForStatement(node)) {
    const { initializer, condition, incrementor, statement } = node;
    return factory.updateForStatement(node, initializer, condition, incrementor, body(statement));
  }
  if (ts.isForOfStatement(node)) {
    const { awaitModifier, initializer, expression, statement } = node;
    return factory.updateForOfStatement(node, awaitModifier, initializer, expression, body(statement));
  }
  if (ts.isWhileStatement(node)) {
    return factory.updateWhileStatement(node, node.expression, body(node.statement));
  }
  return ts.isDoStatement(node)
    ? factory.updateDoStatement(node, body(node.statement), node.expression)
    : null;
}

/** Constructors stay as they are: what stands before `super()` is bound to rules. */
function callable(node: ts.Node, count: () => ts.Expression): ts.Node | null {
  const { factory } = ts;
  if (ts.isArrowFunction(node)) {
    const { modifiers, typeParameters, parameters, type, equalsGreaterThanToken } = node;
    const body = ts.isBlock(node.body)
      ? block(node.body, [count(), step()])
      : comma(count(), comma(step(), node.body));
    return factory.updateArrowFunction(
      node,
      modifiers,
      typeParameters,
      parameters,
      type,
      equalsGreaterThanToken,
      body,
    );
  }
  if (ts.isFunctionDeclaration(node) && node.body) {
    const { modifiers, asteriskToken, name, typeParameters, parameters, type, body } = node;
    const counting = block(body, [count(), step()]);
    return factory.updateFunctionDeclaration(
      node,
      modifiers,
      asteriskToken,
      name,
      typeParameters,
      parameters,
      type,
      counting,
    );
  }
  if (ts.isMethodDeclaration(node) && node.body) {
    const { modifiers, asteriskToken, name, questionToken, typeParameters, parameters, type, body } = node;
    const counting = block(body, [count(), step()]);
    return factory.updateMethodDeclaration(
      node,
      modifiers,
      asteriskToken,
      name,
      questionToken,
      typeParameters,
      parameters,
      type,
      counting,
    );
  }
  return null;
}

function catching(node: ts.CatchClause, count: () => ts.Expression): ts.CatchClause {
  const { factory } = ts;
  const noted =
    node.variableDeclaration && ts.isIdentifier(node.variableDeclaration.name)
      ? [call('$caught', [node.variableDeclaration.name])]
      : [];
  return factory.updateCatchClause(node, node.variableDeclaration, block(node.block, [count(), ...noted]));
}

/** `new Uint8Array(n)`, `Buffer.alloc(n)`, `Array.from({ length: n })`, `text.repeat(n)`. */
function allocation(node: ts.Node): ts.Node | null {
  const { factory } = ts;
  if (ts.isNewExpression(node) && ts.isIdentifier(node.expression)) {
    const [size, ...more] = node.arguments ?? [];
    // With an offset it is a view of what is there.
    if (size === undefined || more.length > 0 || !ALLOCATING_CLASSES.has(node.expression.text)) return null;
    return factory.updateNewExpression(node, node.expression, node.typeArguments, [call('$size', [size])]);
  }
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return null;
  const [size, ...more] = node.arguments;
  const method = node.expression.name.text;
  if (size === undefined) return null;
  if (method === 'from' && ts.isObjectLiteralExpression(size)) {
    const sized = size.properties.map((property) =>
      ts.isPropertyAssignment(property)
        ? factory.updatePropertyAssignment(property, property.name, call('$size', [property.initializer]))
        : property,
    );
    const object = factory.updateObjectLiteralExpression(size, sized);
    return factory.updateCallExpression(node, node.expression, node.typeArguments, [object, ...more]);
  }
  if (!ALLOCATING_METHODS.has(method)) return null;
  const given = [call('$size', [size]), ...more];
  return factory.updateCallExpression(node, node.expression, node.typeArguments, given);
}

function step(): ts.Expression {
  return call('$step', []);
}

function call(name: string, values: readonly ts.Expression[]): ts.Expression {
  return ts.factory.createCallExpression(ts.factory.createIdentifier(name), undefined, values);
}

function comma(first: ts.Expression, second: ts.Expression): ts.Expression {
  return ts.factory.createParenthesizedExpression(ts.factory.createComma(first, second));
}

function block(statement: ts.Statement, first: readonly ts.Expression[]): ts.Block {
  const statements = ts.isBlock(statement) ? statement.statements : [statement];
  const added = first.map((expression) => ts.factory.createExpressionStatement(expression));
  return ts.factory.createBlock([...added, ...statements], true);
}
