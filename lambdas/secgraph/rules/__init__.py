"""Alert rules: packs of JSON → Rule; Rule × answers → what it comes to (rules.md).

In the order the data flows:

fields       a JSON object → typed fields, or problems with place and remedy
expressions  the language of templates: text → nodes → values
template     text with expressions → Template; what it writes goes through escaping
texts_read, actions_read, operations_read, pack: JSON → Rule, of condition and actions
check        Rule → what of it runs (fed: what there is to ask for)
parameters   what a rule needs of the deployment
rows         Answer → Row, each with its identity
operation    Rule × answers → Outcome; acting runs the actions, rendering makes their effects
verdict      Rule × answers → why its conditions hold or not
"""
