// Reads a calendar as Thunderbird's library does, and prints what it found as JSON.
import { readFileSync } from 'node:fs'
import ICAL from 'ical.js'

const { file } = JSON.parse(process.argv[2])
ICAL.design.strict = true

const calendar = new ICAL.Component(ICAL.parse(readFileSync(file, 'utf8')))

function value(property) {
  const values = property.getValues().map((each) =>
    each instanceof ICAL.Time ? { type: property.type, time: each.toString() } : each?.toString() ?? each,
  )
  return property.isMultiValue ? values : values[0]
}

function read(component) {
  const found = { component: component.name }
  for (const property of component.getAllProperties()) {
    if (property.name in found) throw new Error(`${component.name} has ${property.name} twice`)
    found[property.name] = value(property)
  }
  found.inside = component.getAllSubcomponents().map(read)
  return found
}

console.log(JSON.stringify(read(calendar)))
