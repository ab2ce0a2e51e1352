// Validates CycloneDX documents against the schema, and that package URLs are
// of the name and version beside them. Prints the number of packages.
const fs = require('node:fs')
const { Spec, Validation } = require('@cyclonedx/cyclonedx-library')
const { PackageURL } = require('packageurl-js')

async function judge (path) {
  const text = fs.readFileSync(path, 'utf8')
  const wrong = await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text)
  if (wrong !== null) throw new Error(path + ': ' + JSON.stringify(wrong, null, 1))
  const packages = JSON.parse(text).components.filter(c => c.purl)
  for (const c of packages) {
    if (c.purl.includes('%FF')) continue // no UTF-8, which it does not take
    const { type, name, version, qualifiers: q } = PackageURL.fromString(c.purl)
    const shown = type === 'rpm' && q.epoch ? `${q.epoch}:${version}` : version
    if (name !== c.name || shown !== c.version) throw new Error(`${path}: ${c.purl} is ${name} ${shown}`)
  }
  console.log(packages.length)
}

process.argv.slice(2).reduce((before, path) => before.then(() => judge(path)), Promise.resolve())
  .catch(e => { console.error(e); process.exit(1) })
