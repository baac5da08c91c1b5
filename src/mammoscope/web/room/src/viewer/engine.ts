import { Enums, RenderingEngine, getConfiguration, getShouldUseCPURendering, init, type Types } from "@cornerstonejs/core";

let engine: RenderingEngine | null = null;

/** The one rendering engine of the page; one WebGL context serves every pane. */
export function renderingEngine(): RenderingEngine {
  if (!engine) {
    init({ ...getConfiguration(), rendering: { ...getConfiguration().rendering, webGlContextCount: 1 } });
    engine = new RenderingEngine("mammoscope");
  }
  return engine;
}

export function enable(viewportId: string, element: HTMLDivElement): Types.IStackViewport {
  renderingEngine().enableElement({ viewportId, element, type: Enums.ViewportType.STACK });
  return renderingEngine().getViewport(viewportId) as Types.IStackViewport;
}

export function destroyEngine(): void {
  engine?.destroy();
  engine = null;
}

/** Let go of the picture a viewport holds; Cornerstone itself keeps the last one until the next comes. */
export function release(viewport: Types.IStackViewport): void {
  viewport.removeAllActors();
  Object.assign(viewport, { csImage: undefined, _imageData: undefined });
  viewport.render();
}

interface Texture {
  bind(): void;
  setMinificationFilter(filter: number): void;
  get(key: "context"): { context: WebGL2RenderingContext };
}
interface RenderNode {
  getViewNodeFor(mapper: unknown): { get(key: "openGLTexture"): { openGLTexture?: Texture } } | undefined;
}
interface Pool {
  getOffscreenMultiRenderWindow(id: string): { getOpenGLRenderWindow(): RenderNode };
}

const LINEAR_MIPMAP_LINEAR = 5; // vtk.js's Filter enumeration

/**
 * Shrink by averages instead of by skipping pixels.
 *
 * vtk.js reads the full-size texture bilinearly, so that a 4096-pixel image in a 600-pixel pane shows one pixel in
 * seven and a calcification may fall between two. Mipmaps of the same 16-bit texture average them.
 */
export function averageWhenSmall(viewport: Types.IStackViewport): void {
  const actor = viewport.getDefaultActor()?.actor as { getMapper?(): unknown } | undefined;
  const pool = renderingEngine() as unknown as Pool;
  if (!actor?.getMapper || getShouldUseCPURendering()) return;
  const node = pool.getOffscreenMultiRenderWindow(viewport.id).getOpenGLRenderWindow().getViewNodeFor(actor.getMapper());
  const texture = node?.get("openGLTexture").openGLTexture;
  const context = texture?.get("context").context;
  if (!texture || !context) return;
  for (const name of ["EXT_color_buffer_float", "OES_texture_float_linear"]) context.getExtension(name);
  texture.bind();
  while (context.getError()) continue;
  context.generateMipmap(context.TEXTURE_2D);
  if (context.getError() === context.NO_ERROR) texture.setMinificationFilter(LINEAR_MIPMAP_LINEAR);
}
