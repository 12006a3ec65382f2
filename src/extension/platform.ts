import * as vscode from 'vscode';

/** Logs when the package that is installed was made for another platform: its onnxruntime then cannot be loaded. */
export async function checkPlatform(
  extension: vscode.ExtensionContext,
  log: vscode.LogOutputChannel,
): Promise<void> {
  const runtime = vscode.Uri.joinPath(extension.extensionUri, 'node_modules', 'onnxruntime-node', 'bin');
  const binary = `napi-v6/${process.platform}/${process.arch}/onnxruntime_binding.node`;
  try {
    await vscode.workspace.fs.stat(vscode.Uri.joinPath(runtime, binary));
  } catch {
    log.warn(
      `This package of Deltalens has no onnxruntime for ${process.platform}-${process.arch}. ` +
        'Everything that reads weights works; install the package for this platform to run networks.',
    );
  }
}
