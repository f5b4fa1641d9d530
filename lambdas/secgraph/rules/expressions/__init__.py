"""The expression language of rules (rules.md section 4): text → nodes → value.

In the order the data flows:

lexer      text from `{{` on → tokens, up to the `}}` that closes it
cursor     where the parser stands in the tokens; errors with their place
parser     tokens → nodes, frozen values that print themselves; parse∘print is the identity
budget     how much work a rule's templates may still do
values     texts that know what of them is the author's own, equality, order and text of values
lookup     dotted names → what they lead to, in rows too
evaluate   node × scope → value; with it the rendering of named templates
transforms what stands behind `|`
uses       node → the names that it reads: parameters, queries, templates
"""

from __future__ import annotations

from secgraph.rules.expressions.parser import parse

__all__ = ["parse"]
