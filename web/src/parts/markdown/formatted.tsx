/** The formatter, loaded apart. What it may make is listed here: HTML in the text stays text, pictures become links. */
import type { ComponentProps, ReactNode } from "react";
import { parseMarkdownIntoBlocks, Streamdown, useIsCodeFenceIncomplete, type Components } from "streamdown";
import { Icon } from "@/ui/icon";
import { t } from "@/i18n";
import { CodeBlock } from "../code/code-block";
import { HiddenMark } from "../hidden-text";
import { ImageChip } from "./image-chip";
import { Link } from "./link";
import { markHidden, markOf } from "./mark-hidden";

type FormattedProps = { readonly text: string; readonly state?: "open" | "closed" };

const components: Components = {
  h1: "h3",
  h2: "h4",
  h3: "h5",
  h4: "h6",
  h5: "h6",
  h6: "h6",
  p: "p",
  ul: "ul",
  ol: "ol",
  li: "li",
  hr: "hr",
  strong: "strong",
  blockquote: "blockquote",
  thead: "thead",
  tbody: "tbody",
  tr: "tr",
  th: "th",
  td: "td",
  sup: "sup",
  sub: "sub",
  section: "section",
  code: "code",
  a: ({ href, children }) => <Link href={href ?? ""}>{children}</Link>,
  img: ({ src, alt }) => <ImageChip src={typeof src === "string" ? src : ""} alt={alt ?? ""} />,
  input: ({ checked }) => <Tick done={checked === true} />,
  table: ({ children }) => <Table>{children}</Table>,
  mark: ({ node }) => {
    const mark = markOf(node);
    return mark === null ? null : <HiddenMark kind={mark.hidden} code={mark.code} />;
  },
  pre: ({ node }) => <Fence node={node} />,
};

const whole = (text: string) => [text];

export default function Formatted({ text, state = "closed" }: FormattedProps) {
  return (
    <Streamdown
      className="md"
      mode={state === "open" ? "streaming" : "static"}
      parseIncompleteMarkdown={state === "open"}
      // A text that is complete is parsed once and as a whole; blocks are for those that grow.
      parseMarkdownIntoBlocksFn={state === "open" ? parseMarkdownIntoBlocks : whole}
      isAnimating={state === "open"}
      dir="auto"
      components={components}
      rehypePlugins={[markHidden]}
      urlTransform={(url) => url}
      controls={false}
      codeBlockMaxHeight={0}
      tableMaxHeight={0}
    >
      {text}
    </Streamdown>
  );
}

type Node = ComponentProps<Extract<Components["pre"], (props: never) => unknown>>["node"];

function Fence({ node }: { readonly node: Node }) {
  const open = useIsCodeFenceIncomplete();
  const code = node?.children[0];
  if (code === undefined || code.type !== "element") return null;
  const names = code.properties.className;
  const language = Array.isArray(names) ? String(names[0] ?? "").replace(/^language-/, "") : "";
  const [text] = code.children;
  return (
    <CodeBlock
      code={text?.type === "text" ? text.value.replace(/\n$/, "") : ""}
      language={language}
      state={open ? "open" : "closed"}
    />
  );
}

function Table({ children }: { readonly children?: ReactNode }) {
  return (
    <div tabIndex={0} role="group" className="focus-inset my-2 overflow-x-auto">
      <table>{children}</table>
    </div>
  );
}

function Tick({ done }: { readonly done: boolean }) {
  return (
    <span
      role="img"
      aria-label={done ? t("shared.markdown.done") : t("shared.markdown.open")}
      className="mr-1 inline-flex size-4 items-center justify-center rounded-sm border border-line-strong align-text-bottom"
    >
      {done && <Icon name="check" size={12} />}
    </span>
  );
}
