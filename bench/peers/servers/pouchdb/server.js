// The PouchDB server that the comparison talks to: node server.js PORT FOLDER
'use strict'

const express = require('express')
const expressPouchDB = require('express-pouchdb')
const PouchDB = require('pouchdb')

const [port, folder] = process.argv.slice(2)
const app = express()
// The mode with the fewest layers: no log, no users, no validation.
app.use('/', expressPouchDB(PouchDB.defaults({ prefix: folder + '/' }), { mode: 'minimumForPouchDB' }))
app.listen(Number(port), '127.0.0.1')
